// The steps of a run in a row, to go back through: a slider, and a tick for what each step was.

import { clock } from '../../lib/format';
import { Button } from '../../parts/basic';
import type { Step, Story } from './journal';
import { intentWords } from './words';

function kindOf(step: Step): string {
	if (step.remarks.some((remark) => remark.kind === 'bad') || step.intents.some((intent) => intent.status === 'failed')) {
		return 'bad';
	}
	if (step.remarks.some((remark) => remark.kind === 'warn' || remark.kind === 'said')) return 'warn';
	return step.intents.length > 0 ? 'acts' : '';
}

export function Timeline({
	story,
	shown,
	isLive,
	onShow,
}: {
	story: Story;
	shown: number | null;
	isLive: boolean;
	onShow: (index: number | null) => void;
}) {
	const { steps } = story;
	if (steps.length === 0) return null;
	// Behind the last step stands how it is now, or was at the end.
	const value = shown ?? steps.length;
	const step = shown === null ? undefined : steps[shown];
	const said = step
		? `Step ${step.number}: ${step.intents.flatMap(intentWords).join('; ') || step.words || step.answer}`
		: isLive
			? 'As it is now'
			: 'The end';
	const show = (index: number) => onShow(index >= steps.length ? null : Math.max(0, index));
	return (
		<div class="timeline">
			<div class="ticks" aria-hidden="true">
				{steps.map((each, i) => (
					<i key={each.number} class={`${kindOf(each)} ${i === shown ? 'now' : ''}`} onClick={() => show(i)} />
				))}
			</div>
			<input
				type="range"
				min={0}
				max={steps.length}
				value={value}
				aria-label="Step that is shown"
				aria-valuetext={said}
				onInput={(event) => show(Number(event.currentTarget.value))}
			/>
			<div class="timeline-foot">
				<Button tiny icon="back" label="The step before" idle={value === 0} onClick={() => show(value - 1)}>
					{''}
				</Button>
				<Button tiny icon="next" label="The next step" idle={shown === null} onClick={() => show(value + 1)}>
					{''}
				</Button>
				<span class="timeline-said">
					{step && <b>{clock(step.atMs - story.startedMs)} </b>}
					{said}
				</span>
				{shown !== null && (
					<Button tiny onClick={() => onShow(null)}>
						{isLive ? 'Back to live' : 'To the end'}
					</Button>
				)}
			</div>
		</div>
	);
}
