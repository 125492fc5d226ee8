// The files of a project: looked through, uploaded, downloaded, deleted.

import { useRef, useState } from 'preact/hooks';
import { list, may, path, remove, send } from '../api/client';
import type { FileEntry } from '../api/types';
import { bytes, time } from '../lib/format';
import { type Resource, useAction, useResource } from '../lib/resource';
import { download, query, upload } from '../lib/transfer';
import { Backup } from './backup';
import { Button, Confirm, Empty, Failure, TableBox, TextField } from './basic';
import { Icon } from './icon';

function FileRow({
	project,
	folder,
	entry,
	onOpen,
	onDelete,
}: {
	project: string;
	folder: string;
	entry: FileEntry;
	onOpen: (folder: string) => void;
	onDelete: () => void;
}) {
	const action = useAction();
	const full = folder ? `${folder}/${entry.name}` : entry.name;
	const isFolder = entry.type === 'folder';
	return (
		<tr>
			<th scope="row">
				<span class="file-name">
					<Icon name={isFolder ? 'folder' : 'file'} />
					{isFolder && entry.reachable ? (
						<button type="button" class="link" onClick={() => onOpen(full)}>
							{entry.name}
						</button>
					) : (
						<span>{entry.name}</span>
					)}
				</span>
				<Failure message={action.error} />
			</th>
			<td class="number">{entry.type === 'file' ? bytes(entry.bytes) : entry.type}</td>
			<td class="muted">{time(entry.changed_ms)}</td>
			<td class="actions">
				{entry.type === 'file' && entry.reachable && (
					<Button
						tiny
						icon="download"
						label={`Download ${entry.name}`}
						idle={action.busy}
						onClick={() => void action.run(() => download(project, full, entry))}
					>
						{''}
					</Button>
				)}{' '}
				{may('act') && entry.reachable && (
					<Button tiny icon="trash" label={`Delete ${entry.name}`} onClick={onDelete}>
						{''}
					</Button>
				)}
			</td>
		</tr>
	);
}

function Where({ folder, onOpen }: { folder: string; onOpen: (folder: string) => void }) {
	const parts = folder ? folder.split('/') : [];
	return (
		<nav class="row" aria-label="Folder">
			<button type="button" class="link" onClick={() => onOpen('')}>
				Files
			</button>
			{parts.map((part, i) => (
				<>
					<span class="muted">/</span>
					<button type="button" class="link" onClick={() => onOpen(parts.slice(0, i + 1).join('/'))}>
						{part}
					</button>
				</>
			))}
		</nav>
	);
}

function Adding({ project, folder, reload }: { project: string; folder: string; reload: () => void }) {
	const input = useRef<HTMLInputElement>(null);
	const [progress, setProgress] = useState<number | null>(null);
	const [name, setName] = useState<string | null>(null);
	const action = useAction();
	const inFolder = (leaf: string) => (folder ? `${folder}/${leaf}` : leaf);

	const take = (files: FileList | null) =>
		void action.run(async () => {
			try {
				for (const file of files ?? []) {
					setProgress(0);
					await upload(project, inFolder(file.name), file, setProgress);
				}
			} finally {
				setProgress(null);
				if (input.current) input.current.value = '';
				reload();
			}
		});
	const makeFolder = (leaf: string) =>
		action.run(async () => {
			await send('POST', `${path`/v1/projects/${project}/files/folders`}?${query(inFolder(leaf))}`);
			setName(null);
			reload();
		});

	return (
		<div class="stack tight">
			<div class="row">
				<input
					ref={input}
					type="file"
					multiple
					class="hidden-text"
					tabIndex={-1}
					aria-label="Files to upload"
					onChange={(event) => take(event.currentTarget.files)}
				/>
				<Button icon="upload" idle={action.busy} onClick={() => input.current?.click()}>
					Upload
				</Button>
				<Button icon="folder" onClick={() => setName('')}>
					New folder
				</Button>
				{progress !== null && <progress value={progress} max={1} aria-label="Upload" />}
			</div>
			{name !== null && (
				<form
					class="row"
					onSubmit={(event) => {
						event.preventDefault();
						void makeFolder(name);
					}}
				>
					<TextField label="Name of the folder" value={name} onInput={setName} required />
					<Button submit kind="primary">
						Make it
					</Button>
				</form>
			)}
			<Failure message={action.error} />
		</div>
	);
}

export function Files({ project }: { project: string }) {
	const [folder, setFolder] = useState('');
	const [doomed, setDoomed] = useState<FileEntry | null>(null);
	const address = `${path`/v1/projects/${project}/files`}?${query(folder)}`;
	const { data, error, reload }: Resource<FileEntry[]> = useResource(
		(signal) => list<FileEntry>(address, signal),
		[address],
		10000,
	);
	const action = useAction();
	const full = doomed && (folder ? `${folder}/${doomed.name}` : doomed.name);

	return (
		<div class="stack">
			<div class="row between">
				<Where folder={folder} onOpen={setFolder} />
				<Backup project={project} reload={reload} />
			</div>
			{may('act') && <Adding project={project} folder={folder} reload={reload} />}
			<Failure message={error} />
			{data?.length === 0 && (
				<Empty title="No files here yet">
					<p>What runs of this project save in their folder “workspace” is here, and what is uploaded here is there.</p>
				</Empty>
			)}
			{data && data.length > 0 && (
				<TableBox label="Files">
					<thead>
						<tr>
							<th scope="col">Name</th>
							<th scope="col" class="number">
								Size
							</th>
							<th scope="col">Changed</th>
							<th scope="col">
								<span class="hidden-text">Actions</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{data.map((entry) => (
							<FileRow
								key={entry.name}
								project={project}
								folder={folder}
								entry={entry}
								onOpen={setFolder}
								onDelete={() => setDoomed(entry)}
							/>
						))}
					</tbody>
				</TableBox>
			)}
			{doomed && full && (
				<Confirm
					title={`Delete ${doomed.name}?`}
					yes="Delete it"
					error={action.error}
					busy={action.busy}
					onClose={() => setDoomed(null)}
					onYes={async () => {
						const address = `${path`/v1/projects/${project}/files`}?${query(full)}`;
						if (await action.run(() => remove(address))) {
							setDoomed(null);
							reload();
						}
					}}
				>
					{doomed.type === 'folder' ? 'All that is in it is deleted with it.' : 'It cannot be brought back.'}
				</Confirm>
			)}
		</div>
	);
}
