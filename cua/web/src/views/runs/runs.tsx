// All runs, the newest first, and the way to a new one.

import { useState } from 'preact/hooks';
import { get, may } from '../../api/client';
import type { Page, Run } from '../../api/types';
import { useFeed } from '../../lib/feed';
import { ago, duration, plural, usd } from '../../lib/format';
import { useResource } from '../../lib/resource';
import { href } from '../../lib/router';
import { Button, Empty, Failure, Head } from '../../parts/basic';
import { isOpen, nowOf, RunBadge } from '../../parts/state';
import { RunThumb } from '../../parts/thumb';
import type { ViewProps } from '../routes';
import { RunView } from '../run/run';
import { DemoCard } from './demo';
import { NewRun } from './new-run';

const filters = [
	['', 'All'],
	['open', 'Going on'],
	['asking', 'Need you'],
	['ended', 'Ended'],
] as const;

function fits(run: Run, filter: string): boolean {
	if (filter === 'open') return isOpen(run);
	if (filter === 'asking') return nowOf(run)?.state === 'asking';
	return filter === 'ended' ? !isOpen(run) : true;
}

function RunCard({ run }: { run: Run }) {
	const now = nowOf(run);
	const took = run.started_ms === null ? null : (run.ended_ms ?? Date.now()) - run.started_ms;
	return (
		<li>
			<a class="run-card" href={href('runs', run.id)}>
				<RunThumb run={run} />
				<div class="below">
					<div class="row between">
						<RunBadge run={run} />
						<span class="muted small">{ago(run.created_ms)}</span>
					</div>
					<span class="task">{run.task}</span>
					<span class="muted small">
						{[
							plural(now?.step ?? run.steps, 'step'),
							took !== null && duration(took),
							run.cost_usd !== null && run.cost_usd > 0 && usd(run.cost_usd),
						]
							.filter(Boolean)
							.join(' · ')}
					</span>
				</div>
			</a>
		</li>
	);
}

function RunList({ query }: { query: URLSearchParams }) {
	const filter = query.get('show') ?? '';
	const project = query.get('project') ?? '';
	const [limit, setLimit] = useState(48);
	const [starting, setStarting] = useState(query.get('new') !== null);
	const address = `/v1/runs?limit=${limit}${project && `&project=${encodeURIComponent(project)}`}`;
	const { data, error, reload } = useResource((signal) => get<Page<Run>>(address, signal), [address]);
	useFeed(['run'], reload);
	const runs = data?.items.filter((run) => fits(run, filter)) ?? [];
	const isNew = data && data.items.length === 0 && !project;

	return (
		<>
			<Head title="Runs">
				{may('act') && (
					<Button kind="primary" icon="plus" onClick={() => setStarting(true)}>
						New run
					</Button>
				)}
			</Head>
			<Failure message={error} />
			{isNew ? (
				<DemoCard />
			) : (
				<nav class="tabs" aria-label="Which runs">
					{filters.map(([value, name]) => (
						<a
							key={value}
							href={`#/runs${value && `?show=${value}`}`}
							aria-current={value === filter ? 'page' : undefined}
						>
							{name}
						</a>
					))}
				</nav>
			)}
			{data && !isNew && runs.length === 0 && <Empty title="No such run just now" />}
			<ul class="run-cards" aria-label="Runs">
				{runs.map((run) => (
					<RunCard key={run.id} run={run} />
				))}
			</ul>
			{data?.next && limit < 480 && (
				<div class="row">
					<Button onClick={() => setLimit(limit + 96)}>Show more</Button>
				</div>
			)}
			{starting && <NewRun project={project} onClose={() => setStarting(false)} />}
		</>
	);
}

export function RunsView({ parts: [id], query }: ViewProps) {
	return id ? <RunView key={id} id={id} /> : <RunList query={query} />;
}
