// A small picture of a screen: as it is now, or as it was last in a run that is over.

import { useEffect, useRef, useState } from 'preact/hooks';
import { path, send } from '../api/client';
import type { Desktop, Run } from '../api/types';
import { isOpen, nowOf } from './state';

const everyMs = 2000;

/** The picture behind an address, as one of this page; '' without. Where it is out of sight it is not asked for. */
function useScreen(address: string, live: boolean, box: { current: HTMLElement | null }): string {
	const [url, setUrl] = useState('');
	useEffect(() => {
		if (!address || !box.current) return;
		let timer: number | undefined;
		let ended = false;
		let visible = false;
		let busy = false;
		let has = false;
		let etag = ''; // of what is shown: a screen that stands still is not sent again
		const load = async () => {
			window.clearTimeout(timer);
			if (ended || busy || !visible || document.hidden) return;
			busy = true;
			try {
				const response = await send('GET', address, etag ? { headers: { 'If-None-Match': etag } } : {});
				if (response.status !== 304) {
					const blob = await response.blob();
					if (!ended) setUrl(URL.createObjectURL(blob));
					etag = response.headers.get('ETag') ?? '';
				}
				has = true;
			} catch {
				// There is none, for now: what stood there stays.
			}
			busy = false;
			if (live || !has) timer = window.setTimeout(load, everyMs);
		};
		const watcher = new IntersectionObserver((entries) => {
			visible = entries.some((entry) => entry.isIntersecting);
			if (live || !has) void load();
		});
		watcher.observe(box.current);
		document.addEventListener('visibilitychange', load);
		return () => {
			ended = true;
			watcher.disconnect();
			window.clearTimeout(timer);
			document.removeEventListener('visibilitychange', load);
		};
	}, [address, live]);
	useEffect(() => () => URL.revokeObjectURL(url), [url]);
	return url;
}

function Thumb({ address, live, without }: { address: string; live: boolean; without: string }) {
	const box = useRef<HTMLDivElement>(null);
	const url = useScreen(address, live, box);
	return (
		<div class="thumb" ref={box}>
			{without}
			{url && <img src={url} alt="" />}
		</div>
	);
}

const screenOf = (desktop: string) =>
	`${path`/v1/desktops/${desktop}/screenshot`}?width=480&format=webp&quality=80`;

export function RunThumb({ run }: { run: Run }) {
	const desktop = nowOf(run)?.desktop;
	const last = isOpen(run) ? '' : path`/v1/runs/${run.id}/screenshots/last`;
	return (
		<Thumb
			address={desktop ? screenOf(desktop) : last}
			live={isOpen(run) && Boolean(desktop)}
			without={run.state === 'queued' ? 'Waits for its turn' : 'No picture'}
		/>
	);
}

export function DesktopThumb({ desktop }: { desktop: Desktop }) {
	const runs = desktop.state === 'running';
	return <Thumb address={runs ? screenOf(desktop.name) : ''} live={runs} without="No picture" />;
}
