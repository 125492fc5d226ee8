// What a run asks a person, in place: what it wants to do, why it asks, what is at stake.

import { useEffect, useState } from 'preact/hooks';
import { may, path, post } from '../../api/client';
import type { Question } from '../../api/types';
import { usePicture } from '../../lib/picture';
import { useAction } from '../../lib/resource';
import { Badge, Button, Failure, TextField } from '../../parts/basic';

const stakes: Record<string, string> = {
	read: 'It only looks.',
	write: 'It changes something that can be changed back.',
	external: 'It reaches beyond the sandbox.',
	irreversible: 'It cannot be undone.',
	credential: 'It uses a secret.',
};

function useLeft(seconds: number | undefined, id: string): number | null {
	const [left, setLeft] = useState<number | null>(null);
	useEffect(() => {
		if (seconds === undefined) return setLeft(null);
		const end = Date.now() + seconds * 1000;
		const tick = () => setLeft(Math.max(0, Math.round((end - Date.now()) / 1000)));
		tick();
		const timer = window.setInterval(tick, 1000);
		return () => window.clearInterval(timer);
	}, [id]);
	return left;
}

/** Of "/folder/policy.yaml:4 (saving a file)" what tells something to people elsewhere. */
const leafOf = (rule: string): string => rule.replace(/^\S*\//, '');

function Spot({ question }: { question: Question }) {
	const url = usePicture(path`/v1/approvals/${question.id}/picture`);
	return <img src={url || undefined} alt="The screen, with the spot marked" />;
}

function Stake({ question }: { question: Question }) {
	const risk = question.class ?? '';
	const kind = risk === 'irreversible' || risk === 'credential' ? 'bad' : 'warn';
	return (
		<p class="row">
			{risk && <Badge kind={kind}>{risk}</Badge>}
			<span>{stakes[risk]}</span>
		</p>
	);
}

export function QuestionCard({ question }: { question: Question }) {
	const [text, setText] = useState('');
	const [zoomed, setZoomed] = useState(false);
	const action = useAction();
	const left = useLeft(question.expires_in_s, question.id);
	const isApproval = question.kind === 'approval';
	const answer = (value: string) => void action.run(() => post(path`/v1/approvals/${question.id}`, { answer: value }));

	return (
		<section class="question" role="alertdialog" aria-labelledby="question-title" aria-describedby="question-words">
			<div class="row between">
				<h2 id="question-title">{isApproval ? 'It wants your approval' : `${question.who ?? 'It'} asks`}</h2>
				{left !== null && <span class="small muted">{left > 0 ? `${left} s left` : 'over'}</span>}
			</div>
			<div class={`question-body ${zoomed ? 'zoomed' : ''}`}>
				<div class="stack tight">
					<p class="question-words" id="question-words">
						{question.words}
					</p>
					{isApproval && <Stake question={question} />}
					{question.reason && <p class="small">Why it asks: {question.reason}</p>}
					{question.note && <p class="small">{question.note}</p>}
					{question.rule && <p class="small muted">Rule: {leafOf(question.rule)}</p>}
				</div>
				{question.picture && (
				<button
					type="button"
					class="question-picture"
					aria-label={zoomed ? 'Show the picture small' : 'Show the picture large'}
					aria-pressed={zoomed}
					onClick={() => setZoomed(!zoomed)}
				>
					<Spot question={question} />
				</button>
				)}
			</div>
			<Failure message={action.error} />
			{!may('approve') ? (
				<p class="small">Answering needs the scope approve, which this login lacks.</p>
			) : isApproval ? (
				<div class="row">
					<Button kind="primary" icon="check" idle={action.busy} onClick={() => answer('yes')}>
						Allow once
					</Button>
					<Button kind="danger" icon="close" idle={action.busy} onClick={() => answer('no')}>
						Deny
					</Button>
				</div>
			) : (
				<form
					class="stack tight"
					onSubmit={(event) => {
						event.preventDefault();
						answer(text);
					}}
				>
					<TextField label="Your answer" value={text} onInput={setText} required />
					<div class="row">
						<Button submit kind="primary" idle={action.busy}>
							Answer
						</Button>
					</div>
				</form>
			)}
		</section>
	);
}
