// Models, who serves them, and the keys and secrets, which are set here and never shown.

import { useState } from 'preact/hooks';
import { get, list, may, path, post, put, remove } from '../../api/client';
import type { Model, Models, Probe, Provider, Secret } from '../../api/types';
import { ago, tokens } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { Badge, Button, Confirm, Dialog, Empty, Failure, Head, Notice, TableBox, TextField } from '../../parts/basic';

type Wish = { name: string; kind: 'typed' | 'api_key' };

function SetSecret({ wish, onClose, onSet }: { wish: Wish; onClose: () => void; onSet: () => void }) {
	const [name, setName] = useState(wish.name);
	const [value, setValue] = useState('');
	const [origins, setOrigins] = useState('');
	const [windows, setWindows] = useState('');
	const action = useAction();
	const isKey = wish.kind === 'api_key';
	const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);
	const set = () =>
		action.run(async () => {
			const places = isKey ? {} : { origins: words(origins), windows: words(windows) };
			await put(path`/v1/secrets/${name}`, { value, kind: wish.kind, ...places });
			onSet();
			onClose();
		});
	return (
		<Dialog title={isKey ? `Key: ${wish.name}` : 'Secret'} onClose={onClose}>
			<form
				class="stack"
				autoComplete="off"
				onSubmit={(event) => {
					event.preventDefault();
					void set();
				}}
			>
				{!isKey && (
					<TextField
						label="Name"
						help="A model types {{secret:NAME}}, and never sees the value."
						value={name}
						onInput={setName}
						required
					/>
				)}
				<TextField
					label="Value"
					help="It is kept sealed, and no answer of the server has it."
					type="password"
					autoComplete="new-password"
					value={value}
					onInput={setValue}
					required
				/>
				{!isKey && (
					<>
						<TextField label="Web origins" help="https://bank.example" value={origins} onInput={setOrigins} />
						<TextField label="Windows" help="patterns of their names: Pinentry*" value={windows} onInput={setWindows} />
					</>
				)}
				<Failure message={action.error} />
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Keep it
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function KeyState({ set, needed }: { set: boolean; needed: boolean }) {
	if (set) return <Badge kind="good">key is set</Badge>;
	return needed ? <Badge>no key</Badge> : <Badge kind="good">needs no key</Badge>;
}

function ModelRow({ model }: { model: Model }) {
	const [probe, setProbe] = useState<Probe | null>(null);
	const action = useAction();
	const price = (usd: number | null) => (usd === null ? '' : `$${usd}`);
	const usable = model.key_set || !model.needs_key;
	return (
		<tr>
			<th scope="row">
				{model.name}
				{model.note && <div class="small muted">{model.note}</div>}
				{probe && <Notice kind={probe.ok ? 'good' : 'bad'}>{probe.message}</Notice>}
				<Failure message={action.error} />
			</th>
			<td>{model.provider}</td>
			<td class="number">{model.context === null ? '' : tokens(model.context)}</td>
			<td class="number">{price(model.prices.input)}</td>
			<td class="number">{price(model.prices.output)}</td>
			<td>
				<KeyState set={model.key_set} needed={model.needs_key} />
			</td>
			<td class="actions">
				{may('act') && (
					<Button
						tiny
						idle={action.busy} disabled={!usable}
						label={`Test ${model.name}`}
						onClick={() => void action.run(async () => setProbe(await post<Probe>(path`/v1/models/${model.name}/test`)))}
					>
						Test
					</Button>
				)}
			</td>
		</tr>
	);
}

function Providers({ providers, onSet }: { providers: Provider[]; onSet: (wish: Wish) => void }) {
	return (
		<section class="stack tight">
			<h2>Providers and their keys</h2>
			<ul class="cards">
				{providers.map((provider) => (
					<li key={provider.name} class="card stack tight">
						<div class="row between">
							<h3>{provider.name}</h3>
							<KeyState set={provider.key_set} needed={provider.needs_key} />
						</div>
						<p class="small muted">{provider.base_url}</p>
						{provider.keys[0] && may('admin') && (
							<div class="row">
								<Button
									tiny
									label={`${provider.key_set ? 'Change the key' : 'Set a key'} of ${provider.name}`}
									onClick={() => onSet({ name: provider.keys[0] ?? '', kind: 'api_key' })}
								>
									{provider.key_set ? 'Change the key' : 'Set a key'}
								</Button>
							</div>
						)}
					</li>
				))}
			</ul>
		</section>
	);
}

function Secrets({ secrets, onSet, reload }: { secrets: Secret[]; onSet: (wish: Wish) => void; reload: () => void }) {
	const [doomed, setDoomed] = useState('');
	const action = useAction();
	return (
		<section class="stack tight">
			<div class="row between">
				<h2>Secrets and keys that are kept</h2>
				{may('admin') && (
					<Button icon="plus" onClick={() => onSet({ name: '', kind: 'typed' })}>
						New secret
					</Button>
				)}
			</div>
			{secrets.length === 0 ? (
				<Empty title="None yet">
					<p>A model types a secret without seeing it, only where you say.</p>
				</Empty>
			) : (
				<TableBox label="Secrets">
					<thead>
						<tr>
							<th scope="col">Name</th>
							<th scope="col">For</th>
							<th scope="col">Set</th>
							<th scope="col">
								<span class="hidden-text">Actions</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{secrets.map((secret) => (
							<tr key={secret.name}>
								<th scope="row">{secret.name}</th>
								<td>
									{secret.kind === 'api_key'
										? 'a provider of models'
										: [...secret.origins, ...secret.windows].join(', ') || 'nowhere yet'}
								</td>
								<td class="muted">{ago(secret.set_ms)}</td>
								<td class="actions">
									{may('admin') && (
										<Button tiny icon="trash" label={`Delete ${secret.name}`} onClick={() => setDoomed(secret.name)}>
											{''}
										</Button>
									)}
								</td>
							</tr>
						))}
					</tbody>
				</TableBox>
			)}
			{doomed && (
				<Confirm
					title={`Delete ${doomed}?`}
					yes="Delete it"
					error={action.error}
					busy={action.busy}
					onClose={() => setDoomed('')}
					onYes={async () => {
						if (await action.run(() => remove(path`/v1/secrets/${doomed}`))) {
							setDoomed('');
							reload();
						}
					}}
				>
					Its value is forgotten.
				</Confirm>
			)}
		</section>
	);
}

export function ModelsView() {
	const models = useResource((signal) => get<Models>('/v1/models', signal), []);
	const secrets = useResource((signal) => list<Secret>('/v1/secrets', signal), []);
	const [wish, setWish] = useState<Wish | null>(null);
	const reload = () => {
		models.reload();
		secrets.reload();
	};
	return (
		<>
			<Head title="Models and keys" />
			<Failure message={models.error || secrets.error} />
			{models.data && <Providers providers={models.data.providers} onSet={setWish} />}
			{secrets.data && <Secrets secrets={secrets.data} onSet={setWish} reload={reload} />}
			{models.data && (
				<section class="stack tight">
					<h2>Models</h2>
					<TableBox label="Models">
						<thead>
							<tr>
								<th scope="col">Name</th>
								<th scope="col">Provider</th>
								<th scope="col" class="number">
									Context
								</th>
								<th scope="col" class="number">
									In, per 1 M
								</th>
								<th scope="col" class="number">
									Out, per 1 M
								</th>
								<th scope="col">Key</th>
								<th scope="col">
									<span class="hidden-text">Actions</span>
								</th>
							</tr>
						</thead>
						<tbody>
							{models.data.models.map((model) => (
								<ModelRow key={model.name} model={model} />
							))}
						</tbody>
					</TableBox>
				</section>
			)}
			{wish && <SetSecret wish={wish} onClose={() => setWish(null)} onSet={reload} />}
		</>
	);
}
