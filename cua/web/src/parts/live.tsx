// A desktop as it is now, over RFB: seen, or worked on by who has taken it.

import { useEffect, useRef, useState } from 'preact/hooks';
import { path, post, Problem, words } from '../api/client';
import { letKeyboardOut, wayOut } from '../lib/focus';
import { Button } from './basic';

export type ViewMode = 'watch' | 'act' | 'private';

type Viewer = { ticket: string; path: string };

const waitFirst = 500;
const waitMost = 5000;

function address(viewer: Viewer): string {
	const url = new URL(viewer.path, location.href);
	url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
	return url.href;
}

/** What the desktop's clipboard has got; a browser gives a page its own only when it is in front. */
function takeClipboard(event: globalThis.Event): void {
	const { text } = (event as CustomEvent<{ text: string }>).detail;
	if (document.hasFocus()) void navigator.clipboard?.writeText(text).catch(() => {});
}

export function LiveDesktop({ desktop, mode, label }: { desktop: string; mode: ViewMode; label: string }) {
	const box = useRef<HTMLDivElement>(null);
	const [note, setNote] = useState('Connecting');
	const [round, setRound] = useState(0);

	useEffect(() => {
		let ended = false;
		let timer: number | undefined;
		let wait = waitFirst;
		let rfb: import('@novnc/novnc').default | undefined;

		const again = (why: string) => {
			if (ended) return;
			setNote(why);
			timer = window.setTimeout(connect, wait);
			wait = Math.min(2 * wait, waitMost);
		};
		const connect = async () => {
			try {
				const [{ default: RFB }, viewer] = await Promise.all([
					import('@novnc/novnc'),
					post<Viewer>(path`/v1/desktops/${desktop}/viewers`, { mode }),
				]);
				if (ended || !box.current) return;
				rfb = new RFB(box.current, address(viewer), { shared: true });
				rfb.scaleViewport = true;
				rfb.background = 'transparent';
				rfb.viewOnly = mode === 'watch';
				// Its canvas takes the keys: it has a name, and is in the order of the keys where they reach the desktop.
				const canvas = box.current.querySelector('canvas');
				canvas?.setAttribute('role', mode === 'watch' ? 'img' : 'application');
				canvas?.setAttribute('aria-label', label);
				if (canvas && mode !== 'watch') {
					canvas.tabIndex = 0;
					canvas.setAttribute('aria-description', wayOut('desktop'));
				}
				rfb.addEventListener('connect', () => {
					wait = waitFirst;
					setNote('');
					if (mode !== 'watch') rfb?.focus();
				});
				rfb.addEventListener('clipboard', takeClipboard);
				rfb.addEventListener('disconnect', () => {
					rfb = undefined;
					again('The connection to the desktop is lost; trying again');
				});
			} catch (error) {
				if (error instanceof Problem && [403, 404, 423].includes(error.status)) setNote(words(error));
				else again(words(error));
			}
		};
		void connect();

		// Before a paste into the desktop its clipboard is ours.
		const onPaste = (event: ClipboardEvent) => {
			const text = event.clipboardData?.getData('text/plain');
			if (text && mode !== 'watch' && box.current?.contains(document.activeElement)) rfb?.clipboardPasteFrom(text);
		};
		document.addEventListener('paste', onPaste);
		const keepKeysIn = box.current && letKeyboardOut(box.current);
		return () => {
			keepKeysIn?.();
			ended = true;
			window.clearTimeout(timer);
			document.removeEventListener('paste', onPaste);
			rfb?.disconnect();
		};
	}, [desktop, mode, round]);

	return (
		<div class="live-box">
			<div class="live-screen" ref={box} />
			{note && (
				<div class="live-note" role="status">
					<span>{note}</span>
					<Button tiny onClick={() => setRound(round + 1)}>
						Try now
					</Button>
				</div>
			)}
		</div>
	);
}
