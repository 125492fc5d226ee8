// All files of a project at once: as an archive, and back from one.

import { useRef, useState } from 'preact/hooks';
import { may, path, remove, send, withTicket } from '../api/client';
import type { Restored } from '../api/types';
import { bytes, plural } from '../lib/format';
import { useAction } from '../lib/resource';
import { query, upload } from '../lib/transfer';
import { Button, Failure, Notice } from './basic';

/** By the browser, which writes it to the disk as it comes. */
async function backUp(project: string): Promise<void> {
	const link = document.createElement('a');
	link.href = await withTicket(path`/v1/projects/${project}/backup`);
	link.download = `${project}.tar`;
	link.click();
}

/** An archive has to be a file of the project to be unpacked; it is one for that time alone. Nobody waits for its end. */
async function restore(
	project: string,
	file: File,
	onProgress: (part: number) => void,
	onTidy: () => void,
): Promise<Restored> {
	const name = `restore-${crypto.randomUUID()}.tar`;
	try {
		await upload(project, name, file, onProgress);
		// How long it takes, its size says.
		const answer = await send('POST', `${path`/v1/projects/${project}/restore`}?${query(name)}`, { patient: true });
		return await answer.json();
	} finally {
		void remove(`${path`/v1/projects/${project}/files`}?${query(name)}`)
			.catch(() => {})
			.then(onTidy);
	}
}

function wordsOf(done: Restored): string {
	const left = done.left_out > 0 ? ` ${plural(done.left_out, 'entry', 'entries')} left out, ${done.left_first} first.` : '';
	return `Restored: ${plural(done.files, 'file')}, ${bytes(done.bytes)}.${left}`;
}

export function Backup({ project, reload }: { project: string; reload: () => void }) {
	const input = useRef<HTMLInputElement>(null);
	const [progress, setProgress] = useState<number | null>(null);
	const [done, setDone] = useState<Restored | null>(null);
	const action = useAction();
	const take = (file: File | undefined) =>
		file &&
		void action.run(async () => {
			setDone(null);
			try {
				setDone(await restore(project, file, setProgress, reload));
			} finally {
				setProgress(null);
				if (input.current) input.current.value = '';
				reload();
			}
		});
	return (
		<div class="stack tight">
			<div class="row">
				<Button icon="download" idle={action.busy} onClick={() => void action.run(() => backUp(project))}>
					Back up all
				</Button>
				{may('act') && (
					<>
						<input
							ref={input}
							type="file"
							accept=".tar,.tgz,.tar.gz"
							class="hidden-text"
							tabIndex={-1}
							aria-label="Archive to restore"
							onChange={(event) => take(event.currentTarget.files?.[0])}
						/>
						<Button icon="upload" idle={action.busy} onClick={() => input.current?.click()}>
							Restore
						</Button>
					</>
				)}
				{progress !== null && progress < 1 && <progress value={progress} max={1} aria-label="Archive" />}
				{progress === 1 && (
					<span class="muted" role="status">
						Unpacking
					</span>
				)}
			</div>
			<Failure message={action.error} />
			{done && <Notice kind={done.left_out > 0 ? 'warn' : 'good'}>{wordsOf(done)}</Notice>}
		</div>
	);
}
