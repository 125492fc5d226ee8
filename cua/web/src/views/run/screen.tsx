// The screen of a run: live, or what the model saw before a step, with its actions marked.

import type { ComponentChildren } from 'preact';
import { path } from '../../api/client';
import type { Run } from '../../api/types';
import { usePicture } from '../../lib/picture';
import { LiveDesktop, type ViewMode } from '../../parts/live';
import { isOpen } from '../../parts/state';
import type { Picture, Step, Story } from './journal';
import { Marks } from './marks';

function Past({ run, picture, step }: { run: Run; picture: Picture; step: Step | undefined }) {
	const url = usePicture(path`/v1/runs/${run.id}/screenshots/${picture.sha256}`);
	const caption = step ? `What the model saw before step ${step.number}, with its actions marked` : 'The last screen';
	return (
		<figure class="past-screen">
			<img src={url || undefined} alt={caption} width={picture.width} height={picture.height} />
			{step && <Marks step={step} width={picture.width} height={picture.height} />}
		</figure>
	);
}

export function Screen({
	run,
	story,
	shown,
	mode,
	children,
}: {
	run: Run;
	story: Story;
	/** The step that somebody went back to; null: as it is now. */
	shown: Step | null;
	mode: ViewMode;
	children?: ComponentChildren;
}) {
	const live = run.state === 'running' && story.desktop !== '' && !story.end;
	const picture = shown ? shown.picture : story.picture;
	let view = <div class="screen-empty">{isOpen(run) ? 'Its desktop is being started.' : 'It saw no screen.'}</div>;
	if (!shown && live) {
		view = <LiveDesktop desktop={story.desktop} mode={mode} label={`The desktop of this run, ${story.desktop}`} />;
	} else if (picture) {
		view = <Past run={run} picture={picture} step={shown ?? undefined} />;
	} else if (shown) {
		view = <div class="screen-empty">The model saw no screen in this step.</div>;
	}
	const [tag, kind] = shown
		? [`Step ${shown.number}`, 'past']
		: live
			? [mode === 'watch' ? 'Live' : mode === 'private' ? 'Yours, privately' : 'Yours', 'now']
			: ['The last screen', ''];
	return (
		<div class={`screen-frame ${mode}`}>
			<div class="screen-bar">
				<span class={`screen-tag ${kind}`}>{tag}</span>
				<span class="muted">{story.desktop}</span>
				<div class="row">{children}</div>
			</div>
			<div class="screen">{view}</div>
		</div>
	);
}
