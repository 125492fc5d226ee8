// One desktop: seen live, taken over, its terminal; stopped or begun anew.

import { useState } from 'preact/hooks';
import { get, may, path, post, Problem, remove, send } from '../../api/client';
import type { Desktop, Page, Run } from '../../api/types';
import { useControl } from '../../lib/control';
import { useFeed } from '../../lib/feed';
import { time } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { go, href } from '../../lib/router';
import { save } from '../../lib/transfer';
import { Button, Confirm, Empty, Facts, Failure, Head, Notice } from '../../parts/basic';
import { ControlNotes, DesktopControls } from '../../parts/control';
import { LiveDesktop } from '../../parts/live';
import { DesktopBadge, nowOf } from '../../parts/state';
import { TerminalBox } from '../../parts/terminal';

/** null: there is none of this name. */
async function find(name: string, signal: AbortSignal): Promise<Desktop | null> {
	try {
		return await get<Desktop>(path`/v1/desktops/${name}`, signal);
	} catch (failed) {
		if (failed instanceof Problem && failed.status === 404) return null;
		throw failed;
	}
}

/** The run that works on it, if there is one. */
function useRunOn(name: string): Run | undefined {
	const { data, reload } = useResource((signal) => get<Page<Run>>('/v1/runs?state=running&limit=200', signal), []);
	useFeed(['run'], reload);
	return data?.items.find((run) => nowOf(run)?.desktop === name);
}

function DesktopButtons({ desktop, reload }: { desktop: Desktop; reload: () => void }) {
	const [asks, setAsks] = useState<'stop' | 'reset' | ''>('');
	const action = useAction();
	const { name, state } = desktop;
	const again = (ask: () => Promise<unknown>) =>
		action.run(async () => {
			await ask();
			setAsks('');
			reload();
		});
	const shoot = async () => save(await (await send('GET', path`/v1/desktops/${name}/screenshot`)).blob(), `${name}.png`);
	return (
		<>
			{state === 'running' && (
				<Button icon="download" idle={action.busy} onClick={() => void action.run(shoot)}>
					Screenshot
				</Button>
			)}
			{state === 'detached' && may('act') && (
				<Button icon="play" idle={action.busy} onClick={() => void again(() => post('/v1/desktops', { name }))}>
					Give it a host
				</Button>
			)}
			{may('act') && (
				<>
					{state !== 'dead' && <Button onClick={() => setAsks('reset')}>Reset</Button>}
					<Button kind="danger" icon="stop" onClick={() => setAsks('stop')}>
						Stop
					</Button>
				</>
			)}
			{!asks && <Failure message={action.error} />}
			{asks === 'reset' && (
				<Confirm
					title="Reset this desktop?"
					yes="Reset it"
					error={action.error}
					busy={action.busy}
					onYes={() => void again(() => post(path`/v1/desktops/${name}/reset`))}
					onClose={() => setAsks('')}
				>
					All that runs on it is ended, and its home is emptied. It starts anew as it was started.
				</Confirm>
			)}
			{asks === 'stop' && (
				<Confirm
					title="Stop this desktop?"
					yes="Stop it"
					error={action.error}
					busy={action.busy}
					onYes={async () => (await action.run(() => remove(path`/v1/desktops/${name}`))) && go('desktops')}
					onClose={() => setAsks('')}
				>
					All that runs on it is ended, and its files are removed. Those of a project stay.
				</Confirm>
			)}
		</>
	);
}

function Running({ desktop, hasAgent }: { desktop: Desktop; hasAgent: boolean }) {
	const [pane, setPane] = useState<'desktop' | 'terminal'>('desktop');
	const control = useControl(desktop.name);
	const tag = { watch: 'Live', act: 'Yours', private: 'Yours, privately' }[control.mode];
	return (
		<>
			{may('act') && (
				<div class="tabs" role="group" aria-label="What is shown">
					<button type="button" aria-pressed={pane === 'desktop'} onClick={() => setPane('desktop')}>
						Desktop
					</button>
					<button type="button" aria-pressed={pane === 'terminal'} onClick={() => setPane('terminal')}>
						Terminal
					</button>
				</div>
			)}
			{pane === 'terminal' && <TerminalBox desktop={desktop.name} />}
			{pane === 'desktop' && (
				<>
					<div class={`screen-frame ${control.mode}`}>
						<div class="screen-bar">
							<span class="screen-tag now">{tag}</span>
							<div class="row">
								<DesktopControls control={control} hasAgent={hasAgent} />
							</div>
						</div>
						<div class="screen">
							<LiveDesktop
								key={desktop.created_ms}
								desktop={desktop.name}
								mode={control.mode}
								label={`The desktop ${desktop.name}`}
							/>
						</div>
					</div>
					<ControlNotes control={control} hasAgent={hasAgent} />
				</>
			)}
		</>
	);
}

export function DesktopView({ name }: { name: string }) {
	const { data, error, reload } = useResource((signal) => find(name, signal), [name]);
	const run = useRunOn(name);
	useFeed(['desktop'], reload, (message) => message.desktop === name);
	return (
		<>
			<nav class="small" aria-label="Where this is">
				<a href={href('desktops')}>Desktops</a>
			</nav>
			<Head title={name}>
				{data && (
					<>
						<DesktopBadge desktop={data} />
						<DesktopButtons desktop={data} reload={reload} />
					</>
				)}
			</Head>
			<Failure message={error} />
			{data === null && (
				<Empty title="No such desktop just now">
					<p>It was stopped, or went with its run.</p>
				</Empty>
			)}
			{data && (
				<div class="desktop">
					<Facts
						facts={[
							['Size', `${data.width}x${data.height}`],
							['Network', data.network],
							['Sandbox', data.sandbox],
							['Started', time(data.created_ms)],
							['Run', run ? <a href={href('runs', run.id)}>{run.task}</a> : 'none'],
						]}
					/>
					{data.why && <Notice kind="bad">{data.why}</Notice>}
					{data.state === 'running' && <Running desktop={data} hasAgent={run !== undefined} />}
				</div>
			)}
		</>
	);
}
