// What is set for the whole server: how many agents, and who is told when somebody is needed.

import { useEffect, useState } from 'preact/hooks';
import { get, patch } from '../../api/client';
import type { ServerSettings, Webhook } from '../../api/types';
import { ago } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { Button, Failure, Notice, TextField } from '../../parts/basic';

const webhookOf = ({ url, events, secret }: Webhook): Webhook => ({
	url,
	...(events ? { events } : {}),
	...(secret ? { secret } : {}),
});

function Webhooks({ settings, onChange }: { settings: ServerSettings; onChange: (webhooks: Webhook[]) => Promise<boolean> }) {
	const [url, setUrl] = useState('');
	const kept = settings.webhooks.map(webhookOf);
	return (
		<div class="stack tight">
			<h3>Webhooks</h3>
			<p class="small muted">Told when a run asks for approval, asks something, or has ended.</p>
			{settings.webhooks.map((webhook, i) => (
				<div key={webhook.url} class="row between">
					<span class="mono">{webhook.url}</span>
					<span class="small muted">
						{webhook.last_error ?? (webhook.last_ms === null ? 'nothing sent yet' : `sent ${ago(webhook.last_ms)}`)}
						{webhook.waiting > 0 && `, ${webhook.waiting} waiting`}
					</span>
					<Button
						tiny
						icon="trash"
						label={`Remove ${webhook.url}`}
						onClick={() => void onChange(kept.filter((_, k) => k !== i))}
					>
						{''}
					</Button>
				</div>
			))}
			<form
				class="stack tight"
				onSubmit={async (event) => {
					event.preventDefault();
					if (await onChange([...kept, { url }])) setUrl('');
				}}
			>
				<TextField label="Address of another" type="url" value={url} onInput={setUrl} required />
				<div class="row">
					<Button submit>Add</Button>
				</div>
			</form>
		</div>
	);
}

export function ServerSettingsForm() {
	const { data, error, reload } = useResource((signal) => get<ServerSettings>('/v1/settings', signal), []);
	const [agents, setAgents] = useState('');
	const [saved, setSaved] = useState(false);
	const action = useAction();
	useEffect(() => setAgents(data?.max_agents ? String(data.max_agents) : ''), [data?.max_agents]);
	const change = async (body: { max_agents?: number | null; webhooks?: Webhook[] }) => {
		const done = await action.run(() => patch('/v1/settings', body));
		setSaved(done);
		reload();
		return done;
	};
	return (
		<section class="card stack">
			<h2>For the whole server</h2>
			<Failure message={error || action.error} />
			{saved && <Notice kind="good">Saved.</Notice>}
			<form
				class="stack tight"
				onSubmit={(event) => {
					event.preventDefault();
					void change({ max_agents: agents ? Number(agents) : null });
				}}
			>
				<TextField
					label="Agents at once"
					help="Empty: as cua serve was started."
					type="number"
					min="1"
					value={agents}
					onInput={setAgents}
				/>
				<div class="row">
					<Button submit idle={action.busy}>
						Save
					</Button>
				</div>
			</form>
			{data && <Webhooks settings={data} onChange={(webhooks) => change({ webhooks })} />}
		</section>
	);
}
