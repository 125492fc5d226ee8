// What runs ask of people just now: counted in the page, told by it and by the browser.

import { useEffect } from 'preact/hooks';
import { list } from '../api/client';
import type { Question } from '../api/types';
import { closeToast, showToast } from '../parts/toasts';
import { useFeed } from './feed';
import { useResource } from './resource';
import { href } from './router';

const shown = new Map<string, Notification | null>();

function notify(question: Question, run: string): Notification | null {
	if (!('Notification' in window) || Notification.permission !== 'granted' || !document.hidden) return null;
	const title = question.kind === 'approval' ? 'A run wants your approval' : 'A run asks you something';
	const note = new Notification(title, { body: question.words, tag: question.id });
	note.onclick = () => {
		window.focus();
		location.hash = href('runs', run);
		note.close();
	};
	return note;
}

function tell(questions: Question[]): void {
	for (const question of questions) {
		const run = question.run ?? '';
		if (shown.has(question.id)) continue;
		shown.set(question.id, notify(question, run));
		showToast({
			id: question.id,
			text: `${question.kind === 'approval' ? 'Approval wanted' : 'A question'}: ${question.words}`,
			href: href('runs', run),
		});
	}
	for (const [id, note] of shown) {
		if (questions.some((question) => question.id === id)) continue;
		note?.close();
		closeToast(id);
		shown.delete(id);
	}
}

/** How many questions wait. */
export function useAttention(): number {
	const { data, reload } = useResource((signal) => list<Question>('/v1/approvals', signal), []);
	useFeed(['approval'], reload);
	useEffect(() => {
		if (data) tell(data);
		const base = document.title.replace(/^\(\d+\) /, '');
		document.title = data?.length ? `(${data.length}) ${base}` : base;
	}, [data]);
	return data?.length ?? 0;
}
