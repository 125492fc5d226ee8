// A small picture of a screen: as it is now, of a run that goes on, or as it was last.

import { useEffect, useRef, useState } from 'preact/hooks';
import { path, send } from '../api/client';
import type { Run } from '../api/types';
import { isOpen, nowOf } from './state';

const everyMs = 2000;

/** The picture behind an address, as one of this page; '' without. Where it is out of sight it is not asked for. */
function usePicture(address: string, live: boolean, box: { current: HTMLElement | null }): string {
	const [url, setUrl] = useState('');
	useEffect(() => {
		if (!address || !box.current) return;
		let timer: number | undefined;
		let ended = false;
		let visible = false;
		let busy = false;
		let has = false;
		const load = async () => {
			window.clearTimeout(timer);
			if (ended || busy || !visible || document.hidden) return;
			busy = true;
			try {
				const blob = await (await send('GET', address)).blob();
				if (!ended) setUrl(URL.createObjectURL(blob));
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

export function RunThumb({ run }: { run: Run }) {
	const box = useRef<HTMLDivElement>(null);
	const desktop = nowOf(run)?.desktop;
	const live = isOpen(run) && Boolean(desktop);
	const address = desktop
		? `${path`/v1/desktops/${desktop}/screenshot`}?width=480&format=webp&quality=80`
		: isOpen(run)
			? ''
			: path`/v1/runs/${run.id}/screenshots/last`;
	const url = usePicture(address, live, box);
	return (
		<div class="thumb" ref={box}>
			{run.state === 'queued' ? 'Waits for its turn' : 'No picture'}
			{url && <img src={url} alt="" />}
		</div>
	);
}
