// What runs have used up: by day as a chart, by project, model and run as tables.

import { useMemo, useState } from 'preact/hooks';
import { list } from '../api/client';
import type { Project, Usage } from '../api/types';
import { count, duration, tokens, usd } from '../lib/format';
import { useResource } from '../lib/resource';
import { href } from '../lib/router';
import { Empty, Failure, Head, SelectField, TableBox } from '../parts/basic';
import { DayChart, type Series } from '../parts/chart';

const dayMs = 86400000;

const measures = {
	cost: { text: 'Cost', label: 'Cost in US dollars', of: (row: Usage) => row.cost_usd ?? 0, format: usd },
	tokens: {
		text: 'Tokens',
		label: 'Tokens',
		of: (row: Usage) => row.input_tokens + row.output_tokens,
		format: tokens,
	},
	runs: { text: 'Runs', label: 'Runs', of: (row: Usage) => row.runs, format: count },
	steps: { text: 'Steps', label: 'Steps', of: (row: Usage) => row.steps, format: count },
};

type Measure = keyof typeof measures;

/** Every day of the span, those without runs with nothing. */
function seriesOf(rows: Usage[], span: number, measure: Measure): Series {
	const { of, label, format } = measures[measure];
	const values = new Map(rows.map((row) => [row.key, of(row)]));
	const today = Math.floor(Date.now() / dayMs);
	const days = Array.from({ length: span }, (_, i) => today - span + 1 + i);
	return {
		days: days.map((day) => day * 86400),
		values: days.map((day) => values.get(new Date(day * dayMs).toISOString().slice(0, 10)) ?? 0),
		label,
		format,
	};
}

function Totals({ rows }: { rows: Usage[] }) {
	const sum = (of: (row: Usage) => number) => rows.reduce((total, row) => total + of(row), 0);
	const unknown = sum((row) => row.cost_unknown);
	const cells: [string, string][] = [
		['Runs', count(sum((row) => row.runs))],
		['Steps', count(sum((row) => row.steps))],
		['Tokens in', tokens(sum((row) => row.input_tokens))],
		['Tokens out', tokens(sum((row) => row.output_tokens))],
		['Time', duration(sum((row) => row.ms))],
		[unknown > 0 ? `Cost, without ${unknown} of unknown cost` : 'Cost', usd(sum((row) => row.cost_usd ?? 0))],
	];
	return (
		<dl class="totals">
			{cells.map(([name, value]) => (
				<div key={name} class="card">
					<dt class="small muted">{name}</dt>
					<dd>{value}</dd>
				</div>
			))}
		</dl>
	);
}

const sorts = [
	['model', 'By model'],
	['project', 'By project'],
	['day', 'By day'],
	['run', 'By run'],
] as const;

function Name({ by, row, projects }: { by: string; row: Usage; projects: Project[] }) {
	if (by === 'run') return <a href={href('runs', row.key)}>{row.key}</a>;
	if (by === 'project') {
		return <a href={href('projects', row.key)}>{projects.find(({ id }) => id === row.key)?.name ?? row.key}</a>;
	}
	return <>{row.key || 'none yet'}</>;
}

function UsageTable({ since }: { since: number }) {
	const [by, setBy] = useState<string>('model');
	const projects = useResource((signal) => list<Project>('/v1/projects', signal), []);
	const { data, error } = useResource(
		(signal) => list<Usage>(`/v1/usage?by=${by}&since_ms=${since}`, signal),
		[by, since],
	);
	return (
		<section class="stack tight" aria-label="Usage in numbers">
			<div class="tabs" role="group" aria-label="What is added up">
				{sorts.map(([value, text]) => (
					<button key={value} type="button" aria-pressed={value === by} onClick={() => setBy(value)}>
						{text}
					</button>
				))}
			</div>
			<Failure message={error} />
			<TableBox label="Usage">
				<thead>
					<tr>
						<th scope="col">{sorts.find(([value]) => value === by)?.[1].replace('By ', '')}</th>
						{['Runs', 'Steps', 'Tokens in', 'Tokens out', 'Time', 'Cost'].map((name) => (
							<th key={name} scope="col" class="number">
								{name}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{data?.map((row) => (
						<tr key={row.key}>
							<th scope="row">
								<Name by={by} row={row} projects={projects.data ?? []} />
							</th>
							<td class="number">{count(row.runs)}</td>
							<td class="number">{count(row.steps)}</td>
							<td class="number">{tokens(row.input_tokens)}</td>
							<td class="number">{tokens(row.output_tokens)}</td>
							<td class="number">{duration(row.ms)}</td>
							<td class="number">{usd(row.cost_usd)}</td>
						</tr>
					))}
				</tbody>
			</TableBox>
		</section>
	);
}

export function UsageView() {
	const [span, setSpan] = useState('30');
	const [measure, setMeasure] = useState<Measure>('tokens');
	// The beginning of a day, so that it stays the same while the page is looked at.
	const since = (Math.floor(Date.now() / dayMs) - Number(span) + 1) * dayMs;
	const { data, error } = useResource((signal) => list<Usage>(`/v1/usage?by=day&since_ms=${since}`, signal), [since]);
	const series = useMemo(() => data && seriesOf(data, Number(span), measure), [data, span, measure]);
	return (
		<>
			<Head title="Usage and cost">
				<SelectField
					label="Of the last"
					value={span}
					onInput={setSpan}
					options={[
						{ value: '7', text: '7 days' },
						{ value: '30', text: '30 days' },
						{ value: '90', text: '90 days' },
					]}
				/>
				<SelectField
					label="Chart"
					value={measure}
					onInput={(value) => setMeasure(value as Measure)}
					options={Object.entries(measures).map(([value, { text }]) => ({ value, text }))}
				/>
			</Head>
			<Failure message={error} />
			{data?.length === 0 && <Empty title="No runs in this time" />}
			{data && data.length > 0 && (
				<>
					<Totals rows={data} />
					<div class="card">{series && <DayChart series={series} />}</div>
					<UsageTable since={since} />
				</>
			)}
		</>
	);
}
