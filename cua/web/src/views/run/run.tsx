// One run: its desktop, its steps, what it asks, and what a person can do.

import { useState } from 'preact/hooks';
import { may } from '../../api/client';
import type { Run } from '../../api/types';
import { useControl } from '../../lib/control';
import { count, duration, time, tokens, usd } from '../../lib/format';
import { href } from '../../lib/router';
import { Failure, Facts, Head, Notice } from '../../parts/basic';
import { ControlNotes, DesktopControls } from '../../parts/control';
import { Files } from '../../parts/files';
import { isOpen, nowOf, RunBadge } from '../../parts/state';
import { TerminalBox } from '../../parts/terminal';
import { RunControls, TellBox } from './controls';
import type { Step, Story } from './journal';
import { QuestionCard } from './question';
import { Screen } from './screen';
import { Steps } from './steps';
import { Timeline } from './timeline';
import { useRun } from './use-run';

const panes = [
	['desktop', 'Desktop'],
	['terminal', 'Terminal'],
	['files', 'Files'],
] as const;

function RunFacts({ run, story }: { run: Run; story: Story }) {
	const end = run.ended_ms ?? Date.now();
	const spent = run.input_tokens + run.output_tokens || story.spentTokens;
	const cost = isOpen(run) ? story.spentUsd : run.cost_usd;
	const facts: [string, string][] = [['Model', run.model ?? (story.model || run.settings.model || 'the default')]];
	if (story.template) facts.push(['Template', story.template]);
	facts.push(['Started', time(run.started_ms ?? run.created_ms)]);
	if (run.started_ms !== null) facts.push(['Took', duration(end - run.started_ms)]);
	facts.push(['Steps', count(run.steps || story.steps.length)]);
	if (spent > 0) facts.push(['Tokens', tokens(spent)]);
	if (cost !== null) facts.push(['Cost', usd(cost)]);
	facts.push(['By', run.by]);
	return <Facts facts={facts} />;
}

function Outcome({ run, story }: { run: Run; story: Story }) {
	const message = run.error || run.answer || story.end?.message;
	if (isOpen(run) || !message) return null;
	return (
		<Notice kind={run.state === 'done' ? 'good' : 'warn'}>
			<p class="outcome">{message}</p>
		</Notice>
	);
}

export function RunView({ id }: { id: string }) {
	const { data: run, error, reload, story, words, now: streamed } = useRun(id);
	const [index, setIndex] = useState<number | null>(null);
	const [pane, setPane] = useState<string>('desktop');
	const isRunning = run?.state === 'running' && !story.end;
	const control = useControl(isRunning ? story.desktop : '');

	if (!run) {
		return (
			<>
				<Head title="Run" />
				<Failure message={error} />
			</>
		);
	}
	const now = isRunning ? (streamed ?? nowOf(run)) : null;
	const shown = index === null ? null : (story.steps[index] ?? null);
	const show = (step: Step) => {
		setPane('desktop');
		setIndex(story.steps.indexOf(step));
	};

	return (
		<>
			<nav class="small" aria-label="Where this is">
				<a href={href('runs')}>Runs</a>
			</nav>
			<Head title={run.task} long>
				<RunBadge run={run} now={now} />
				<RunControls run={run} now={now} reload={reload} />
			</Head>
			<RunFacts run={run} story={story} />
			<Failure message={error} />
			<Outcome run={run} story={story} />
			<div class="run">
				<div class="run-main">
					{now?.question && <QuestionCard key={now.question.id} question={now.question} />}
					<div class="tabs" role="group" aria-label="What is shown">
						{panes
							.filter(([value]) => value !== 'terminal' || (isRunning && may('act')))
							.map(([value, name]) => (
								<button key={value} type="button" aria-pressed={value === pane} onClick={() => setPane(value)}>
									{name}
								</button>
							))}
					</div>
					{pane === 'desktop' && (
						<>
							<Screen run={run} story={story} shown={shown} mode={control.mode}>
								{isRunning && <DesktopControls control={control} hasAgent />}
							</Screen>
							{isRunning && <ControlNotes control={control} hasAgent />}
							<Timeline story={story} shown={index} isLive={isRunning} onShow={setIndex} />
						</>
					)}
					{pane === 'terminal' && isRunning && <TerminalBox desktop={story.desktop} />}
					{pane === 'files' && <Files project={run.project} />}
				</div>
				<div class="run-side">
					<div class="inside">
						<Steps story={story} words={words} shown={shown} onShow={show} />
						{isRunning && may('act') && <TellBox run={run} />}
					</div>
				</div>
			</div>
		</>
	);
}
