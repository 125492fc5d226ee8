// Where in the page we are: the part of the address behind #, so that the server serves one file.

import { State, useValue } from './state';

export type Place = { parts: string[]; query: URLSearchParams };

function read(): Place {
	const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
	return {
		parts: path
			.split('/')
			.filter(Boolean)
			.map((part) => {
				try {
					return decodeURIComponent(part);
				} catch {
					return part;
				}
			}),
		query: new URLSearchParams(query),
	};
}

const place = new State(read());
window.addEventListener('hashchange', () => place.set(read()));

export function href(...parts: string[]): string {
	return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function go(...parts: string[]): void {
	location.hash = href(...parts);
}

export const usePlace = () => useValue(place);
