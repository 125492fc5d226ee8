// Who has the input of a desktop: the agent, or a person who took it.

import { get, path, post, Problem } from '../api/client';
import type { Control } from '../api/types';
import { useFeed } from './feed';
import { useAction, useResource } from './resource';

/** null: there is no such desktop any more. */
async function find(address: string, signal: AbortSignal): Promise<Control | null> {
	try {
		return await get<Control>(address, signal);
	} catch (failed) {
		if (failed instanceof Problem && failed.status === 404) return null;
		throw failed;
	}
}

export function useControl(desktop: string) {
	const address = path`/v1/desktops/${desktop}/control`;
	const { data, reload, error } = useResource(desktop ? (signal) => find(address, signal) : null, [address]);
	const action = useAction();
	useFeed(['control', 'desktop'], reload, (message) => message.desktop === desktop);
	const send = (body: { do: 'request' | 'take' | 'give'; private?: boolean; note?: string }) =>
		action.run(async () => {
			await post(address, body);
			reload();
		});
	const isMine = data?.owner === 'person' && data.is_you === true;
	/** What a viewer of this browser may be. */
	const mode: 'watch' | 'act' | 'private' = !isMine ? 'watch' : data.mode === 'private' ? 'private' : 'act';
	return { control: data, isMine, mode, send, busy: action.busy, error: action.error || error };
}
