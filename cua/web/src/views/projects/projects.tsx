// Projects: folders of files that runs work in, and what their runs are started with.

import { useState } from 'preact/hooks';
import { get, list, may, patch, path, post, remove } from '../../api/client';
import type { Project, RunSettings } from '../../api/types';
import { ago } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { go, href } from '../../lib/router';
import { Button, Confirm, Dialog, Failure, Head, Notice, TableBox, TextField } from '../../parts/basic';
import { Files } from '../../parts/files';
import type { ViewProps } from '../routes';

function NewProject({ onClose }: { onClose: () => void }) {
	const [name, setName] = useState('');
	const action = useAction();
	const make = () =>
		action.run(async () => {
			const project = await post<Project>('/v1/projects', { name });
			go('projects', project.id);
		});
	return (
		<Dialog title="New project" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					void make();
				}}
			>
				<TextField label="Name" value={name} onInput={setName} required />
				<Failure message={action.error} />
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Make it
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function ProjectList() {
	const { data, error } = useResource((signal) => list<Project>('/v1/projects', signal), []);
	const [making, setMaking] = useState(false);
	return (
		<>
			<Head title="Projects">
				{may('act') && (
					<Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
						New project
					</Button>
				)}
			</Head>
			<p class="muted">A folder of files that runs work in, and what its runs are started with.</p>
			<Failure message={error} />
			{data && (
				<TableBox label="Projects">
					<thead>
						<tr>
							<th scope="col">Name</th>
							<th scope="col">Model</th>
							<th scope="col">Template</th>
							<th scope="col">Changed</th>
						</tr>
					</thead>
					<tbody>
						{data.map((project) => (
							<tr key={project.id}>
								<th scope="row">
									<a href={href('projects', project.id)}>{project.name}</a>
								</th>
								<td>{project.defaults.model ?? ''}</td>
								<td>{project.defaults.template ?? ''}</td>
								<td class="muted">{ago(project.changed_ms)}</td>
							</tr>
						))}
					</tbody>
				</TableBox>
			)}
			{making && <NewProject onClose={() => setMaking(false)} />}
		</>
	);
}

type Text = Record<string, string>;

const fields: { name: keyof RunSettings & string; label: string; help?: string; number?: boolean; admin?: boolean }[] = [
	{ name: 'model', label: 'Model', help: 'a name of “Models and keys”' },
	{ name: 'template', label: 'Template' },
	{ name: 'tools', label: 'Tools', help: 'bash, python, ... or all' },
	{ name: 'mcp', label: 'MCP servers', help: 'names, all or none' },
	{ name: 'network', label: 'Network', help: 'none, open, or allow:example.org' },
	{ name: 'size', label: 'Screen', help: '1280x800' },
	{ name: 'memory', label: 'Memory', help: '2G' },
	{ name: 'max_cost', label: 'Costs at most', help: 'US dollars', number: true },
	{ name: 'max_steps', label: 'Steps at most', number: true },
	{ name: 'max_time', label: 'Seconds at most', number: true },
	{ name: 'base_url', label: 'Address of the model', help: 'an admin’s to set', admin: true },
	{ name: 'policy', label: 'Policy', help: 'a file of the server’s machine; an admin’s to set', admin: true },
];

function textOf(settings: RunSettings): Text {
	return Object.fromEntries(fields.map(({ name }) => [name, settings[name] === undefined ? '' : String(settings[name])]));
}

function settingsOf(text: Text, before: RunSettings): RunSettings {
	const settings: Record<string, unknown> = { ...before };
	for (const { name, number } of fields) {
		const value = text[name]?.trim();
		if (!value) delete settings[name];
		else settings[name] = number ? Number(value) : value;
	}
	return settings as RunSettings;
}

function Defaults({ project, reload }: { project: Project; reload: () => void }) {
	const [name, setName] = useState(project.name);
	const [text, setText] = useState(textOf(project.defaults));
	const [saved, setSaved] = useState(false);
	const action = useAction();
	const save = async () => {
		const body = { name, defaults: settingsOf(text, project.defaults) };
		setSaved(await action.run(() => patch(path`/v1/projects/${project.id}`, body)));
		reload();
	};
	return (
		<form
			class="card stack"
			onInput={() => setSaved(false)}
			onSubmit={(event) => {
				event.preventDefault();
				void save();
			}}
		>
			<h2>What its runs are started with</h2>
			<div class="grid2">
				<TextField label="Name of the project" value={name} onInput={setName} required />
				{fields
					.filter((field) => !field.admin || may('admin'))
					.map((field) => (
						<TextField
							key={field.name}
							label={field.label}
							help={field.help}
							type={field.number ? 'number' : 'text'}
							min={field.number ? '0' : undefined}
							step={field.number ? 'any' : undefined}
							value={text[field.name] ?? ''}
							onInput={(value) => setText({ ...text, [field.name]: value })}
						/>
					))}
			</div>
			<Failure message={action.error} />
			{saved && <Notice kind="good">Saved.</Notice>}
			{may('act') && (
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Save
					</Button>
				</div>
			)}
		</form>
	);
}

function ProjectView({ id }: { id: string }) {
	const { data: project, error, reload } = useResource((signal) => get<Project>(path`/v1/projects/${id}`, signal), [id]);
	const [asks, setAsks] = useState(false);
	const action = useAction();
	return (
		<>
			<nav class="small" aria-label="Where this is">
				<a href={href('projects')}>Projects</a>
			</nav>
			<Head title={project?.name ?? 'Project'}>
				<a class="button" href={`#/runs?project=${encodeURIComponent(id)}`}>
					Its runs
				</a>
				{may('act') && (
					<a class="button primary" href={`#/runs?project=${encodeURIComponent(id)}&new`}>
						New run
					</a>
				)}
				{may('admin') && id !== 'default' && (
					<Button icon="trash" onClick={() => setAsks(true)}>
						Delete
					</Button>
				)}
			</Head>
			<Failure message={error} />
			{project && (
				<>
					<section class="stack" aria-label="Files of the project">
						<Files project={id} />
					</section>
					<Defaults project={project} reload={reload} />
				</>
			)}
			{asks && (
				<Confirm
					title="Delete this project?"
					yes="Delete it"
					error={action.error}
					busy={action.busy}
					onClose={() => setAsks(false)}
					onYes={async () => {
						if (await action.run(() => remove(path`/v1/projects/${id}`))) go('projects');
					}}
				>
					Its files are deleted with it. One that has runs stays.
				</Confirm>
			)}
		</>
	);
}

export function ProjectsView({ parts: [id] }: ViewProps) {
	return id ? <ProjectView key={id} id={id} /> : <ProjectList />;
}
