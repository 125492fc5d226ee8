// Pictures of the server's as addresses of this page's own: what <img> asks for by itself lacks the session's header.

import { useEffect, useState } from 'preact/hooks';
import { send } from '../api/client';

/** '' until it is there; the one before stays until then. Those that never change come from the browser's cache. */
export function usePicture(address: string): string {
	const [url, setUrl] = useState('');
	useEffect(() => {
		const abort = new AbortController();
		send('GET', address, { cache: 'default', signal: abort.signal })
			.then((response) => response.blob())
			.then((blob) => !abort.signal.aborted && setUrl(URL.createObjectURL(blob)))
			.catch(() => {
				// There is none: its words stand in its place.
				if (!abort.signal.aborted) setUrl('');
			});
		return () => abort.abort();
	}, [address]);
	useEffect(() => () => URL.revokeObjectURL(url), [url]);
	return url;
}
