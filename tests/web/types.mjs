// What the page takes for granted of the server's answers is what openapi.json says of them.

import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import openapiTS, { astToString } from 'openapi-typescript';
import { Server, sources } from './stage.mjs';

let server;

before(async () => {
	server = await Server.start();
});

after(() => server?.end());

// The page's type, and the schema's of the same thing.
const pairs = {
	Run: 'Run',
	RunSettings: 'RunSettings',
	Question: 'Question',
	Session: 'Session',
	Project: 'Project',
	FileEntry: 'FileEntry',
	Upload: 'FileUpload',
	Desktop: 'Desktop',
	Restored: 'Restored',
	Template: 'Template',
	Models: 'Models',
	Probe: 'ModelProbed',
	Secret: 'Secret',
	McpServer: 'McpServer',
	McpTest: 'McpTested',
	Usage: 'Usage',
	Token: 'Token',
	Health: 'HealthDetailed',
	ServerSettings: 'Settings',
	Control: 'Control',
};

test('an answer as openapi.json describes it is what the page reads', async () => {
	const openapi = await (await fetch(`${server.base}/openapi.json`)).json();
	writeFileSync('openapi.d.ts', astToString(await openapiTS(openapi)));
	copyFileSync(join(sources, 'cua/web/src/api/types.ts'), 'types.ts');
	const lines = Object.entries(pairs).map(
		([ours, theirs]) => `export const ${ours} = (answer: components['schemas']['${theirs}']): page.${ours} => answer;`,
	);
	writeFileSync(
		'types-check.ts',
		["import type { components } from './openapi';", "import type * as page from './types';", ...lines, ''].join('\n'),
	);
	execFileSync('node_modules/.bin/tsc', ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', 'types-check.ts'], {
		stdio: 'inherit',
	});
});
