// What a person can do to a run that goes on: hold it, end it, tell it something.

import { useState } from 'preact/hooks';
import { may, path, post, remove } from '../../api/client';
import type { Run, RunNow } from '../../api/types';
import { useAction } from '../../lib/resource';
import { go } from '../../lib/router';
import { Button, Confirm, Failure } from '../../parts/basic';
import { isOpen } from '../../parts/state';

export function RunControls({ run, now, reload }: { run: Run; now: RunNow | null; reload: () => void }) {
	const [asks, setAsks] = useState<'cancel' | 'delete' | ''>('');
	const action = useAction();
	const send = (what: string) =>
		action.run(async () => {
			await post(path`/v1/runs/${run.id}/${what}`);
			reload();
		});
	const paused = now?.state === 'paused';
	return (
		<>
			{run.state === 'running' && may('act') && (
				<>
					<Button
						icon={paused ? 'play' : 'pause'}
						title={paused ? undefined : 'What it says or does now is finished; then it waits.'}
						idle={action.busy}
						onClick={() => send(paused ? 'resume' : 'pause')}
					>
						{paused ? 'Go on' : 'Pause'}
					</Button>
					<Button
						icon="interrupt"
						title="What it says or does now is broken off; it waits for what you tell it."
						idle={action.busy}
						onClick={() => send('interrupt')}
					>
						Interrupt
					</Button>
				</>
			)}
			{isOpen(run) && may('act') && (
				<Button
					kind="danger"
					icon="stop"
					title="The run ends."
					idle={action.busy}
					onClick={() => setAsks('cancel')}
				>
					Cancel
				</Button>
			)}
			{!isOpen(run) && may('admin') && (
				<Button icon="trash" onClick={() => setAsks('delete')}>
					Delete
				</Button>
			)}
			{!asks && <Failure message={action.error} />}
			{asks === 'cancel' && (
				<Confirm
					title="Cancel this run?"
					yes="Cancel the run"
					error={action.error}
					busy={action.busy}
					onYes={async () => (await send('cancel')) && setAsks('')}
					onClose={() => setAsks('')}
				>
					The agent ends where it is, with nothing held down. What it has done stays.
				</Confirm>
			)}
			{asks === 'delete' && (
				<Confirm
					title="Delete this run?"
					yes="Delete it"
					error={action.error}
					busy={action.busy}
					onYes={async () => (await action.run(() => remove(path`/v1/runs/${run.id}`))) && go('runs')}
					onClose={() => setAsks('')}
				>
					Its journal and its screenshots are deleted with it.
				</Confirm>
			)}
		</>
	);
}

const tellHelp = 'Send: it hears this before its next answer. Interrupt and say: what it says or does now is broken off first.';

export function TellBox({ run }: { run: Run }) {
	const [text, setText] = useState('');
	const [told, setTold] = useState('');
	const action = useAction();
	const idle = action.busy || !text.trim();
	const tell = async (how: 'messages' | 'interrupt') => {
		if (idle) return;
		if (await action.run(() => post(path`/v1/runs/${run.id}/${how}`, { text }))) {
			setTold(
				how === 'messages' ? `Sent; it is told before its next answer: ${text}` : `It was interrupted, and told: ${text}`,
			);
			setText('');
		}
	};
	return (
		<form
			class="tell"
			onSubmit={(event) => {
				event.preventDefault();
				void tell('messages');
			}}
		>
			<label class="hidden-text" for="tell">
				Tell the agent something
			</label>
			<textarea
				id="tell"
				rows={2}
				value={text}
				placeholder="Tell the agent something"
				aria-describedby="tell-help"
				onInput={(event) => setText(event.currentTarget.value)}
				onKeyDown={(event) => {
					if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
						event.preventDefault();
						void tell('messages');
					}
				}}
			/>
			<div class="row">
				<Button submit kind="primary" idle={idle}>
					Send
				</Button>
				<Button icon="interrupt" idle={idle} onClick={() => tell('interrupt')}>
					Interrupt and say
				</Button>
			</div>
			<div class="small muted" id="tell-help">
				{tellHelp}
			</div>
			<div class="tell-note small muted" role="status">
				{action.error || told}
			</div>
		</form>
	);
}
