// A shell on a desktop: xterm.js before the server's WebSocket.

import { useEffect, useRef, useState } from 'preact/hooks';
import { path, post, words } from '../api/client';
import { letKeyboardOut, wayOut } from '../lib/focus';
import { Button, Notice } from './basic';
import { keepStylesOut } from './terminal-styles';
import '@xterm/xterm/css/xterm.css';

type Ticket = { ticket: string; path: string };

function address(ticket: Ticket): string {
	const url = new URL(ticket.path, location.href);
	url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
	return url.href;
}

/** Returns what ends it. */
async function open(box: HTMLElement, desktop: string, onEnd: (why: string) => void): Promise<() => void> {
	const [{ Terminal }, { FitAddon }] = await Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]);
	const restore = keepStylesOut();
	const terminal = new Terminal({
		fontFamily: "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace",
		fontSize: 14,
		cursorBlink: false,
		screenReaderMode: true,
		scrollback: 5000,
		theme: { background: '#10131a', foreground: '#e8ebf2' },
	});
	const fit = new FitAddon();
	terminal.loadAddon(fit);
	terminal.open(box);
	fit.fit();
	const size = () => ({ columns: terminal.cols, rows: terminal.rows });
	const close = () => {
		terminal.dispose();
		restore();
	};
	let socket: WebSocket;
	try {
		socket = new WebSocket(address(await post<Ticket>(path`/v1/desktops/${desktop}/terminals`, size())));
	} catch (error) {
		close();
		throw error;
	}
	socket.binaryType = 'arraybuffer';
	socket.onopen = () => terminal.focus();
	socket.onmessage = (event) => terminal.write(new Uint8Array(event.data));
	socket.onclose = (event) =>
		onEnd(event.code === 1000 ? `The shell has ended: ${event.reason}.` : 'The connection to the shell is lost.');
	const encoder = new TextEncoder();
	terminal.onData((text) => socket.readyState === WebSocket.OPEN && socket.send(encoder.encode(text)));
	terminal.onResize(() => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(size())));
	const watcher = new ResizeObserver(() => fit.fit());
	watcher.observe(box);
	return () => {
		watcher.disconnect();
		socket.onclose = null;
		socket.close();
		close();
	};
}

export function TerminalBox({ desktop }: { desktop: string }) {
	const box = useRef<HTMLDivElement>(null);
	const [over, setOver] = useState('');
	const [round, setRound] = useState(0);

	useEffect(() => {
		if (!box.current) return;
		let ended = false;
		let close: (() => void) | undefined;
		const keepKeysIn = letKeyboardOut(box.current);
		setOver('');
		open(box.current, desktop, (why) => !ended && setOver(why))
			.then((end) => {
				close = end;
				if (ended) end();
			})
			.catch((error) => !ended && setOver(words(error)));
		return () => {
			ended = true;
			keepKeysIn();
			close?.();
		};
	}, [desktop, round]);

	return (
		<div class="stack tight">
			{over && (
				<Notice kind="warn">
					{over}{' '}
					<Button tiny onClick={() => setRound(round + 1)}>
						Open another
					</Button>
				</Notice>
			)}
			<div class="terminal-box" ref={box} role="group" aria-label={`A shell on ${desktop}`} />
			<p class="small muted">{wayOut('shell')}</p>
		</div>
	);
}
