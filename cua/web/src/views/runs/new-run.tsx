// A task, and what does it.

import { useState } from 'preact/hooks';
import { get, list, post } from '../../api/client';
import type { Models, Project, Run, RunSettings, Template } from '../../api/types';
import { useAction, useResource } from '../../lib/resource';
import { go, href } from '../../lib/router';
import { Button, Dialog, Failure, Field, SelectField, TextField } from '../../parts/basic';
import { useDemo } from './demo';

type Wish = { project: string; template: string; model: string; max_cost: string; network: string; tools: string };

function settingsOf(wish: Wish): RunSettings {
	const settings: RunSettings = {};
	if (wish.model) settings.model = wish.model;
	if (wish.template) settings.template = wish.template;
	if (wish.network) settings.network = wish.network;
	if (wish.tools) settings.tools = wish.tools;
	if (wish.max_cost) settings.max_cost = Number(wish.max_cost);
	return settings;
}

export function NewRun({ project, onClose }: { project: string; onClose: () => void }) {
	const [task, setTask] = useState('');
	const [wish, setWish] = useState<Wish>({
		project: project || 'default',
		template: '',
		model: '',
		max_cost: '',
		network: '',
		tools: '',
	});
	const set = (name: keyof Wish) => (value: string) => setWish({ ...wish, [name]: value });
	const projects = useResource((signal) => list<Project>('/v1/projects', signal), []);
	const templates = useResource((signal) => list<Template>('/v1/templates', signal), []);
	const models = useResource((signal) => get<Models>('/v1/models', signal), []);
	const action = useAction();
	const demo = useDemo();
	const usable = models.data?.models.filter((model) => model.key_set || !model.needs_key) ?? [];
	const defaultModel = projects.data?.find((p) => p.id === wish.project)?.defaults.model;

	const start = () =>
		action.run(async () => {
			const run = await post<Run>('/v1/runs', { task, project: wish.project, settings: settingsOf(wish) });
			go('runs', run.id);
		});

	return (
		<Dialog title="New run" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					void start();
				}}
			>
				<Field label="Task" help="What is to be done, in your words.">
					{(ids) => (
						<textarea
							{...ids}
							rows={4}
							required
							value={task}
							placeholder="Turn notes.txt into a letter and save it as a PDF"
							onInput={(event) => setTask(event.currentTarget.value)}
						/>
					)}
				</Field>
				<div class="grid2">
					<SelectField
						label="Project"
						value={wish.project}
						onInput={set('project')}
						options={(projects.data ?? []).map((p) => ({ value: p.id, text: p.name }))}
					/>
					<SelectField
						label="Template"
						value={wish.template}
						onInput={set('template')}
						options={[
							{ value: '', text: 'None, or the project’s' },
							...(templates.data ?? []).map((t) => ({ value: t.name, text: t.name })),
						]}
					/>
					<SelectField
						label="Model"
						help={
							models.data && usable.length === 0 && !defaultModel ? (
								<>
									No model has a key yet: <a href={href('models')}>set one</a>, or start the demo.
								</>
							) : undefined
						}
						value={wish.model}
						onInput={set('model')}
						options={[
							{ value: '', text: defaultModel ? `The project’s: ${defaultModel}` : 'The project’s or template’s' },
							...usable.map((m) => ({ value: m.name, text: m.name })),
						]}
					/>
					<TextField
						label="Costs at most"
						help="US dollars; empty: no limit"
						type="number"
						min="0"
						step="0.01"
						value={wish.max_cost}
						onInput={set('max_cost')}
					/>
				</div>
				<details>
					<summary>More</summary>
					<div class="grid2">
						<TextField
							label="Network"
							help="none, open, or allow:example.org,*.example.net"
							value={wish.network}
							onInput={set('network')}
						/>
						<TextField label="Tools" help="bash, python, ... or all" value={wish.tools} onInput={set('tools')} />
					</div>
				</details>
				<Failure message={action.error || demo.error || models.error} />
				<div class="row">
					<Button submit kind="primary" icon="play" idle={action.busy}>
						Start
					</Button>
					<Button idle={demo.busy} onClick={demo.start}>
						Start the demo instead
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
