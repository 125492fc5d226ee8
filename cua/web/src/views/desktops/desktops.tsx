// All desktops, whoever works on them, and the way to a new one.

import { useState } from 'preact/hooks';
import { list, may, post } from '../../api/client';
import type { Desktop, Project } from '../../api/types';
import { useFeed } from '../../lib/feed';
import { ago, plural } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { go, href } from '../../lib/router';
import { Button, Dialog, Empty, Failure, Head, SelectField, TextField } from '../../parts/basic';
import { DesktopBadge } from '../../parts/state';
import { DesktopThumb } from '../../parts/thumb';
import type { ViewProps } from '../routes';
import { DesktopView } from './desktop';

function NewDesktop({ onClose }: { onClose: () => void }) {
	const [wish, setWish] = useState({ name: '', project: '', size: '', network: '' });
	const set = (name: keyof typeof wish) => (value: string) => setWish({ ...wish, [name]: value });
	const projects = useResource((signal) => list<Project>('/v1/projects', signal), []);
	const action = useAction();
	const start = () =>
		action.run(async () => {
			const given = Object.entries(wish).filter(([, value]) => value !== '');
			const desktop = await post<Desktop>('/v1/desktops', Object.fromEntries(given));
			go('desktops', desktop.name);
		});
	return (
		<Dialog title="New desktop" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					void start();
				}}
			>
				<TextField label="Name" help="Without one it is desktop-1, desktop-2, and so on." value={wish.name} onInput={set('name')} />
				<div class="grid2">
					<SelectField
						label="Files of project"
						value={wish.project}
						onInput={set('project')}
						options={[
							{ value: '', text: 'None' },
							...(projects.data ?? []).map(({ id, name }) => ({ value: id, text: name })),
						]}
					/>
					<TextField label="Size" placeholder="1280x800" value={wish.size} onInput={set('size')} />
				</div>
				<TextField
					label="Network"
					help="none, open, or allow:example.org,*.example.net"
					placeholder="none"
					value={wish.network}
					onInput={set('network')}
				/>
				<Failure message={action.error} />
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Start it
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function DesktopCard({ desktop }: { desktop: Desktop }) {
	return (
		<li>
			<a class="run-card" href={href('desktops', desktop.name)}>
				<DesktopThumb desktop={desktop} />
				<div class="below">
					<div class="row between">
						<DesktopBadge desktop={desktop} />
						<span class="muted small">{ago(desktop.created_ms)}</span>
					</div>
					<b>{desktop.name}</b>
					<span class="muted small">
						{desktop.width}x{desktop.height} · network: {desktop.network}
					</span>
				</div>
			</a>
		</li>
	);
}

function DesktopList() {
	const { data, error, reload } = useResource((signal) => list<Desktop>('/v1/desktops', signal), []);
	const [starting, setStarting] = useState(false);
	useFeed(['desktop'], reload);
	const desktops = data?.filter((desktop) => desktop.state !== 'spare') ?? [];
	const spares = (data?.length ?? 0) - desktops.length;
	return (
		<>
			<Head title="Desktops">
				{may('act') && (
					<Button kind="primary" icon="plus" onClick={() => setStarting(true)}>
						New desktop
					</Button>
				)}
			</Head>
			<Failure message={error} />
			{data && desktops.length === 0 && (
				<Empty title="No desktops just now">
					<p>Runs start theirs by themselves; one of your own is there until it is stopped.</p>
				</Empty>
			)}
			{desktops.length > 0 && (
				<ul class="run-cards" aria-label="Desktops">
					{desktops.map((desktop) => (
						<DesktopCard key={desktop.name} desktop={desktop} />
					))}
				</ul>
			)}
			{spares > 0 && <p class="muted small">{plural(spares, 'spare desktop')} kept ready for the next runs.</p>}
			{starting && <NewDesktop onClose={() => setStarting(false)} />}
		</>
	);
}

export function DesktopsView({ parts: [name] }: ViewProps) {
	return name ? <DesktopView key={name} name={name} /> : <DesktopList />;
}
