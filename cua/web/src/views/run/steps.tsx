// What the model said and did, step by step; its words as they come at the end.

import { memo } from 'preact/compat';
import { useEffect, useRef } from 'preact/hooks';
import { clock } from '../../lib/format';
import type { Intent, Step, Story } from './journal';
import { intentWords } from './words';

function IntentLine({ intent }: { intent: Intent }) {
	const failed = intent.status && intent.status !== 'ok';
	return (
		<>
			{intentWords(intent).map((line, i) => (
				<li key={i} class={failed ? 'failed' : ''}>
					{line}
				</li>
			))}
			{failed && (
				<li class="failed">
					{intent.status === 'uncertain' ? 'It is not certain whether this took effect' : 'Failed'}
					{intent.message && `: ${intent.message}`}
				</li>
			)}
			{intent.words && (
				<li class="said">
					<details>
						<summary>What it said</summary>
						<pre>{intent.words}</pre>
					</details>
				</li>
			)}
		</>
	);
}

const StepCard = memo(function StepCard({
	step,
	startedMs,
	isShown,
	onShow,
}: {
	step: Step;
	startedMs: number;
	isShown: boolean;
	onShow: (step: Step) => void;
}) {
	const told = step.remarks.filter((remark) => remark.kind === 'told');
	return (
		<li class={`step ${isShown ? 'now' : ''}`} aria-current={isShown ? 'step' : undefined}>
			<button type="button" class="step-head" onClick={() => onShow(step)}>
				<b>{step.number === 0 ? 'Start' : `Step ${step.number}`}</b>
				<span class="muted">{clock(step.atMs - startedMs)}</span>
			</button>
			{step.remarks
				.filter((remark) => remark.kind !== 'told')
				.map((remark, i) => (
					<p key={i} class={`remark ${remark.kind}`}>
						{remark.kind === 'said' && <b>You said: </b>}
						{remark.text}
					</p>
				))}
			{step.words && <p class="words">{step.words}</p>}
			{step.answer && step.answer !== step.words && <p class="words answer">{step.answer}</p>}
			{step.intents.length > 0 && (
				<ol class="intents">
					{step.intents.map((intent) => (
						<IntentLine key={intent.callId} intent={intent} />
					))}
				</ol>
			)}
			{told.length > 0 && (
				<details class="small">
					<summary>The model was told</summary>
					{told.map((remark, i) => (
						<pre key={i}>{remark.text}</pre>
					))}
				</details>
			)}
		</li>
	);
});

export function Steps({
	story,
	words,
	shown,
	onShow,
}: {
	story: Story;
	words: string;
	shown: Step | null;
	onShow: (step: Step) => void;
}) {
	const box = useRef<HTMLDivElement>(null);
	const atEnd = useRef(true);
	// It follows what is new as long as nobody has gone back.
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const step = shown && element.querySelector<HTMLElement>('.step.now');
		if (step) element.scrollTop = step.offsetTop - 8;
		else if (!shown && atEnd.current) element.scrollTop = element.scrollHeight;
	}, [story, words, shown]);

	return (
		<div
			class="steps"
			ref={box}
			tabIndex={0}
			role="region"
			aria-label="Steps"
			onScroll={({ currentTarget: at }) => {
				atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40;
			}}
		>
			<ol>
				{story.steps.map((step) => (
					<StepCard
						key={step.number}
						step={step}
						startedMs={story.startedMs}
						isShown={shown?.number === step.number}
						onShow={onShow}
					/>
				))}
			</ol>
			{words && (
				<p class="words streaming" aria-live="off">
					{words}
				</p>
			)}
		</div>
	);
}
