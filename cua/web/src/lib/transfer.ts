// Files that go up to a project, and come down.

import { path, send } from '../api/client';
import type { FileEntry, Upload } from '../api/types';

const pieceLen = 1 << 20; // of an upload; the server takes 2 MiB
const partLen = 32 << 20; // of a download, likewise

export const query = (of: string) => `path=${encodeURIComponent(of)}`;

/** As a download of the browser. */
export function save(blob: Blob, name: string): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	URL.revokeObjectURL(link.href);
}

/** In pieces; one that was broken off goes on where it was. */
export async function upload(project: string, to: string, file: File, onProgress: (part: number) => void): Promise<void> {
	const address = path`/v1/projects/${project}/files/content`;
	let offset = 0;
	do {
		const end = Math.min(offset + pieceLen, file.size);
		const complete = end === file.size ? '&complete=true' : '';
		const response = await send('PUT', `${address}?${query(to)}${complete}`, {
			headers: { 'Upload-Offset': String(offset), 'Content-Type': 'application/octet-stream' },
			body: file.slice(offset, end),
		});
		offset = ((await response.json()) as Upload).offset;
		onProgress(file.size === 0 ? 1 : offset / file.size);
	} while (offset < file.size);
}

export async function download(project: string, from: string, entry: FileEntry): Promise<void> {
	const address = `${path`/v1/projects/${project}/files/content`}?${query(from)}`;
	const parts: Blob[] = [];
	let got = 0;
	do {
		const headers: HeadersInit = entry.bytes > partLen ? { Range: `bytes=${got}-${got + partLen - 1}` } : {};
		const part = await (await send('GET', address, { headers })).blob();
		parts.push(part);
		got += part.size;
		if (part.size === 0) break;
	} while (got < entry.bytes);
	save(new Blob(parts), entry.name);
}
