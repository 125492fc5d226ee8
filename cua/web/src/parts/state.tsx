// How a run or a desktop stands, in a word and a colour.

import type { Desktop, Run, RunNow } from '../api/types';
import { Badge } from './basic';

const ends: Record<string, [string, string]> = {
	queued: ['Queued', ''],
	starting: ['Starting', 'live'],
	done: ['Done', 'good'],
	gave_up: ['Gave up', 'warn'],
	limit: ['Limit reached', 'warn'],
	model_error: ['Model failed', 'bad'],
	desktop_error: ['Desktop failed', 'bad'],
	stopped: ['Stopped', 'warn'],
	interrupted: ['Interrupted', ''],
	broken_off: ['Broken off', 'bad'],
	failed: ['Failed', 'bad'],
	cancelled: ['Cancelled', ''],
};

const running: Record<RunNow['state'], [string, string]> = {
	working: ['Working', 'live'],
	asking: ['Needs you', 'warn pulses'],
	paused: ['Paused', ''],
	ending: ['Ending', 'live'],
};

export const isOpen = (run: Run): boolean => run.ended_ms === null;

export const nowOf = (run: Run): RunNow | null => run.now as RunNow | null;

export function RunBadge({ run, now = nowOf(run) }: { run: Run; now?: RunNow | null }) {
	const [text, kind] =
		run.state === 'running' ? running[now?.state ?? 'working'] : (ends[run.state] ?? [run.state, '']);
	return <Badge kind={kind}>{text}</Badge>;
}

const desktops: Record<Desktop['state'], [string, string]> = {
	running: ['Running', 'live'],
	detached: ['Without its host', 'warn'],
	dead: ['Dead', 'bad'],
	spare: ['Spare', ''],
};

export function DesktopBadge({ desktop }: { desktop: Desktop }) {
	const [text, kind] = desktops[desktop.state];
	return <Badge kind={kind}>{text}</Badge>;
}
