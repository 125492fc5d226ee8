// This browser, the server, and the tokens of programs.

import { useState } from 'preact/hooks';
import { get, logout, may, session } from '../../api/client';
import type { Health } from '../../api/types';
import { bytes, count, duration } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { useValue } from '../../lib/state';
import { setTheme, type Theme, theme } from '../../lib/theme';
import { Badge, Button, Facts, Failure, Head, Notice, SelectField } from '../../parts/basic';
import { ServerSettingsForm } from './server-settings';
import { Tokens } from './tokens';

function Notifications() {
	const [permission, setPermission] = useState('Notification' in window ? Notification.permission : 'denied');
	if (permission === 'granted') return <p>The browser tells you when a run needs you.</p>;
	if (permission === 'denied') return <p>This browser does not let the page tell you when a run needs you.</p>;
	return (
		<div class="row">
			<Button icon="bell" onClick={async () => setPermission(await Notification.requestPermission())}>
				Let the browser tell me when a run needs me
			</Button>
		</div>
	);
}

function ThisBrowser() {
	const who = useValue(session);
	const action = useAction();
	return (
		<section class="card stack">
			<h2>This browser</h2>
			<SelectField
				label="Colours"
				value={useValue(theme)}
				onInput={(value) => setTheme(value as Theme)}
				options={[
					{ value: 'system', text: 'As the system' },
					{ value: 'light', text: 'Light' },
					{ value: 'dark', text: 'Dark' },
				]}
			/>
			<Notifications />
			<p>
				Logged in as {who?.name}, who may {who?.scopes.join(', ')}.
			</p>
			<Failure message={action.error} />
			<div class="row">
				<Button idle={action.busy} onClick={() => void action.run(logout)}>
					Log out
				</Button>
			</div>
		</section>
	);
}

function Server() {
	const { data, error } = useResource((signal) => get<Health>('/health/detailed', signal), [], 5000);
	return (
		<section class="card stack">
			<div class="row between">
				<h2>The server</h2>
				{data && <Badge kind={data.status === 'ok' ? 'good' : 'bad'}>{data.status === 'ok' ? 'well' : 'in trouble'}</Badge>}
			</div>
			<Failure message={error} />
			{data?.problems.map((problem) => (
				<Notice key={problem} kind="bad">
					{problem}
				</Notice>
			))}
			{data && (
				<Facts
					facts={[
						['Agents', `${data.agents} of ${data.agents_max}`],
						['Waiting', count(data.queued ?? 0)],
						['Connections', count(data.connections)],
						['Up', duration(data.uptime_s * 1000)],
						['Disk free', bytes(data.disk_free_bytes)],
						['Memory free', bytes(data.memory_free_bytes)],
					]}
				/>
			)}
			<p>
				For programs: <a href="/docs">the API</a>, <a href="/openapi.json">openapi.json</a>, and <code>/metrics</code>{' '}
				for Prometheus.
			</p>
		</section>
	);
}

export function SettingsView() {
	return (
		<>
			<Head title="Settings" />
			<div class="cards wide">
				<ThisBrowser />
				<Server />
			</div>
			{may('admin') && <ServerSettingsForm />}
			{may('admin') && <Tokens />}
		</>
	);
}
