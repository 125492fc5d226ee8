// For a first visit: an agent at work in one click, without a key.

import { may, post } from '../../api/client';
import type { Run } from '../../api/types';
import { useAction } from '../../lib/resource';
import { go } from '../../lib/router';
import { Button, Failure } from '../../parts/basic';

export function useDemo() {
	const action = useAction();
	const start = () =>
		void action.run(async () => {
			const run = await post<Run>('/v1/demo');
			go('runs', run.id);
		});
	return { ...action, start };
}

export function DemoCard() {
	const demo = useDemo();
	return (
		<section class="demo">
			<h2>See an agent at work</h2>
			<p>
				A letter is written, styled and given a table in LibreOffice Writer, on a desktop of its own. You watch, are
				asked before it is saved, can take the mouse and give it back. No key is needed: a stand-in plays the model. It
				reads the screen as a model would, and follows a script.
			</p>
			<Failure message={demo.error} />
			{may('act') && (
				<div class="row">
					<Button kind="primary" icon="play" idle={demo.busy} onClick={demo.start}>
						Start the demo
					</Button>
				</div>
			)}
		</section>
	);
}
