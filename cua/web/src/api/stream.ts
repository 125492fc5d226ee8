// A WebSocket that comes back: after the server or the network was gone it goes on where it was. WebSockets,
// because a browser has six connections for all event streams of all its tabs together.

import { withTicket } from './client';

export type StreamHandler = {
	/** Where it goes on; asked anew for each connection. */
	path: () => string;
	onMessage: (message: Record<string, unknown>) => void;
	onConnected?: (connected: boolean) => void;
};

const waitFirst = 250;
const waitMost = 5000;

/** Returns what ends it. */
export function follow(handler: StreamHandler): () => void {
	let socket: WebSocket | undefined;
	let timer: number | undefined;
	let wait = waitFirst;
	let ended = false;

	const again = () => {
		if (ended) return;
		handler.onConnected?.(false);
		timer = window.setTimeout(open, wait);
		wait = Math.min(2 * wait, waitMost);
	};
	const open = async () => {
		let address: string;
		try {
			address = (await withTicket(handler.path())).replace(/^http/, 'ws');
		} catch {
			return again();
		}
		if (ended) return;
		socket = new WebSocket(address);
		socket.onopen = () => handler.onConnected?.(true);
		socket.onmessage = (event) => {
			wait = waitFirst;
			handler.onMessage(JSON.parse(event.data));
		};
		socket.onclose = again;
	};

	void open();
	return () => {
		ended = true;
		window.clearTimeout(timer);
		socket?.close();
	};
}
