// What changes on the server, as it does: one connection for the whole page, which tells who wants to know.

import { useEffect, useRef } from 'preact/hooks';
import { follow } from '../api/stream';
import { State } from './state';

export type FeedKind = 'run' | 'approval' | 'desktop' | 'control';
export type FeedMessage = { event: FeedKind | 'reset'; seq: number } & Record<string, unknown>;

type Listener = (message: FeedMessage) => void;

const listeners = new Set<Listener>();

/** Is the server there? */
export const connected = new State(true);

/** As long as somebody is logged in. */
export function useFeedConnection(): void {
	useEffect(() => {
		let after = 0;
		let lost: number | undefined;
		const stop = follow({
			path: () => `/v1/events?after=${after}`,
			onConnected: (is) => {
				window.clearTimeout(lost);
				if (is) connected.set(true);
				// One that comes back at once was never away.
				else lost = window.setTimeout(() => connected.set(false), 1000);
			},
			onMessage: (message) => {
				const news = message as FeedMessage;
				after = news.seq;
				for (const listener of [...listeners]) listener(news);
			},
		});
		return () => {
			window.clearTimeout(lost);
			stop();
		};
	}, []);
}

/** Calls after changes of these kinds that fit, some of them together; and after a time without news. */
export function useFeed(kinds: FeedKind[], onChange: () => void, fits?: (message: FeedMessage) => boolean): void {
	const latest = useRef({ onChange, fits });
	latest.current = { onChange, fits };
	useEffect(() => {
		let timer: number | undefined;
		const listener = (message: FeedMessage) => {
			if (message.event !== 'reset') {
				if (!kinds.includes(message.event)) return;
				if (latest.current.fits && !latest.current.fits(message)) return;
			}
			timer ??= window.setTimeout(() => {
				timer = undefined;
				latest.current.onChange();
			}, 150);
		};
		listeners.add(listener);
		return () => {
			window.clearTimeout(timer);
			listeners.delete(listener);
		};
	}, [kinds.join()]);
}
