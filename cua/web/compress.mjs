// Beside each file its forms for Content-Encoding, where they are worth it, so that the server does not
// compress anything.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const worth = /\.(html|js|css|svg)$/;

for (const entry of readdirSync(process.argv[2], { withFileTypes: true, recursive: true })) {
	if (!entry.isFile() || !worth.test(entry.name)) continue;
	const path = join(entry.parentPath ?? entry.path, entry.name);
	const bytes = readFileSync(path);
	const forms = {
		'.br': brotliCompressSync(bytes, {
			params: {
				[constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
				[constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
			},
		}),
		'.gz': gzipSync(bytes, { level: 9 }),
	};
	for (const [ending, form] of Object.entries(forms)) {
		if (form.length < bytes.length) writeFileSync(path + ending, form);
	}
}
