// Who has a desktop: taking it, giving it back, asking for it.

import { useState } from 'preact/hooks';
import { may } from '../api/client';
import type { Control } from '../api/types';
import type { useControl } from '../lib/control';
import { wayOut } from '../lib/focus';
import { ago } from '../lib/format';
import { Button, Check, Dialog, Failure, Field, Notice } from './basic';

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
					<Button submit kind="primary" idle={busy}>
						Give back
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

type Controlled = {
	control: ReturnType<typeof useControl>;
	/** One works there, and waits meanwhile. */
	hasAgent: boolean;
};

/** Taking the desktop and giving it back. */
export function DesktopControls({ control: { control, isMine, send, busy }, hasAgent }: Controlled) {
	const [isPrivate, setPrivate] = useState(false);
	const [giving, setGiving] = useState(false);
	if (!may('act') || !control) return null;
	const other = control.owner === 'person' && !isMine;
	return (
		<>
			{isMine ? (
				<Button tiny kind="primary" icon="hand" idle={busy} onClick={() => (hasAgent ? setGiving(true) : void send({ do: 'give' }))}>
					Give back
				</Button>
			) : (
				<>
					<Check label="Privately" checked={isPrivate} onChange={setPrivate} />
					<Button tiny icon="hand" idle={busy} onClick={() => send({ do: other ? 'request' : 'take', private: isPrivate })}>
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
export function ControlNotes({ control: { control, isMine, error }, hasAgent }: Controlled) {
	if (!control) return <Failure message={error} />;
	const other = control.owner === 'person' && !isMine;
	return (
		<>
			{isMine && <p class="small muted">{wayOut('desktop')}</p>}
			{isMine && control.mode === 'private' && (
				<Notice kind="warn">
					{hasAgent
						? 'Private: neither the model nor the journal sees what you do, nor does anybody else here.'
						: 'Private: nobody else sees what you do.'}
				</Notice>
			)}
			{isMine &&
				requestsOf(control).map((request) => (
					<Notice key={request.person} kind="warn">
						{request.person || 'Somebody'} asks for the desktop ({ago(request.since_ms)}).
					</Notice>
				))}
			{other && (
				<Notice kind="warn">
					{String(control.person || 'A person')} has the desktop{hasAgent && '; the agent waits'}.
				</Notice>
			)}
			<Failure message={error} />
		</>
	);
}
