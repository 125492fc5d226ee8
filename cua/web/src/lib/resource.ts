// What the server has at a path, kept up to date while it is looked at.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { words } from '../api/client';

export type Resource<T> = {
	data: T | undefined;
	error: string;
	reload: () => void;
};

/** load is called anew when a key changes, on reload(), and, with every, so often in a page that is visible. */
export function useResource<T>(
	load: ((signal: AbortSignal) => Promise<T>) | null,
	keys: unknown[],
	every?: number,
): Resource<T> {
	const [data, setData] = useState<T>();
	const [error, setError] = useState('');
	const [round, setRound] = useState(0);
	const latest = useRef(load);
	latest.current = load;
	const reload = useCallback(() => setRound((n) => n + 1), []);

	useEffect(() => setData(undefined), keys);

	useEffect(() => {
		const abort = new AbortController();
		let timer: number | undefined;
		const run = async () => {
			if (!latest.current) return;
			if (every && document.hidden) {
				timer = window.setTimeout(run, every);
				return;
			}
			try {
				const value = await latest.current(abort.signal);
				if (abort.signal.aborted) return;
				setData(() => value);
				setError('');
			} catch (failed) {
				if (abort.signal.aborted) return;
				setError(words(failed));
			}
			if (every) timer = window.setTimeout(run, every);
		};
		void run();
		return () => {
			abort.abort();
			window.clearTimeout(timer);
		};
	}, [...keys, round, every]);

	return { data, error, reload };
}

/** For a button: runs it once at a time, and tells what went wrong. */
export function useAction(): {
	busy: boolean;
	error: string;
	run: (action: () => Promise<unknown>) => Promise<boolean>;
} {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState('');
	const run = async (action: () => Promise<unknown>) => {
		setBusy(true);
		setError('');
		try {
			await action();
			return true;
		} catch (failed) {
			setError(words(failed));
			return false;
		} finally {
			setBusy(false);
		}
	};
	return { busy, error, run };
}
