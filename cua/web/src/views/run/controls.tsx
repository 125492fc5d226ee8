// What a person can do to a run that goes on: hold it, end it, take its desktop, tell it something.

import { useState } from 'preact/hooks';
import { may, path, post, remove } from '../../api/client';
import type { Control, Run, RunNow } from '../../api/types';
import type { useControl } from '../../lib/control';
import { ago } from '../../lib/format';
import { useAction } from '../../lib/resource';
import { go } from '../../lib/router';
import { Button, Check, Confirm, Dialog, Failure, Field, Notice } from '../../parts/basic';
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
				<Button icon={paused ? 'play' : 'pause'} disabled={action.busy} onClick={() => send(paused ? 'resume' : 'pause')}>
					{paused ? 'Go on' : 'Pause'}
				</Button>
			)}
			{isOpen(run) && may('act') && (
				<Button kind="danger" icon="stop" disabled={action.busy} onClick={() => setAsks('cancel')}>
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

function GiveBack({ onGive, onClose, busy }: { onGive: (note: string) => void; onClose: () => void; busy: boolean }) {
	const [note, setNote] = useState('');
	return (
		<Dialog title="Give the desktop back" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					onGive(note);
				}}
			>
				<Field label="What the agent should know" help="It is told what changed on the screen in any case.">
					{(ids) => (
						<textarea {...ids} rows={3} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
					)}
				</Field>
				<div class="row">
					<Button submit kind="primary" disabled={busy}>
						Give back
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

type Controlled = { control: ReturnType<typeof useControl> };

/** Taking the desktop and giving it back. */
export function DesktopControls({ control: { control, isMine, send, busy } }: Controlled) {
	const [isPrivate, setPrivate] = useState(false);
	const [giving, setGiving] = useState(false);
	if (!may('act') || !control) return null;
	const other = control.owner === 'person' && !isMine;
	return (
		<>
			{isMine ? (
				<Button tiny kind="primary" icon="hand" disabled={busy} onClick={() => setGiving(true)}>
					Give back
				</Button>
			) : (
				<>
					<Check label="Privately" checked={isPrivate} onChange={setPrivate} />
					<Button tiny icon="hand" disabled={busy} onClick={() => send({ do: other ? 'request' : 'take', private: isPrivate })}>
						{other ? 'Ask for the desktop' : 'Take over'}
					</Button>
				</>
			)}
			{giving && (
				<GiveBack
					busy={busy}
					onClose={() => setGiving(false)}
					onGive={async (note) => {
						if (await send(note ? { do: 'give', note } : { do: 'give' })) setGiving(false);
					}}
				/>
			)}
		</>
	);
}

function requestsOf(control: Control): { person: string; since_ms: number }[] {
	return Array.isArray(control.requests) ? control.requests : [];
}

/** Who has it, who wants it, and what that means. */
export function ControlNotes({ control: { control, isMine, error } }: Controlled) {
	if (!control) return <Failure message={error} />;
	const other = control.owner === 'person' && !isMine;
	return (
		<>
			{isMine && control.mode === 'private' && (
				<Notice kind="warn">Private: neither the model nor the journal sees what you do.</Notice>
			)}
			{isMine &&
				requestsOf(control).map((request) => (
					<Notice key={request.person} kind="warn">
						{request.person || 'Somebody'} asks for the desktop ({ago(request.since_ms)}).
					</Notice>
				))}
			{other && <Notice kind="warn">{String(control.person || 'A person')} has the desktop; the agent waits.</Notice>}
			<Failure message={error} />
		</>
	);
}

export function TellBox({ run }: { run: Run }) {
	const [text, setText] = useState('');
	const [told, setTold] = useState('');
	const action = useAction();
	const tell = async () => {
		if (!text.trim()) return;
		if (await action.run(() => post(path`/v1/runs/${run.id}/messages`, { text }))) {
			setTold(text);
			setText('');
		}
	};
	return (
		<form
			class="tell"
			onSubmit={(event) => {
				event.preventDefault();
				void tell();
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
				onInput={(event) => setText(event.currentTarget.value)}
				onKeyDown={(event) => {
					if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
						event.preventDefault();
						void tell();
					}
				}}
			/>
			<Button submit kind="primary" disabled={action.busy || !text.trim()}>
				Send
			</Button>
			<div class="tell-note small muted" role="status">
				{action.error || (told && `Sent; it is told before its next answer: ${told}`)}
			</div>
		</form>
	);
}
