// The official SDK's clients and /mcp of `cua serve` on a real desktop: the client of the revisions
// with a handshake (sdk), and that of the newest (client).
//
//   node serve_http_sdk.mjs CUA
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport }
	from '@modelcontextprotocol/client';

const cua = process.argv[2];
const command = (...words) => execFileSync(cua, words, { encoding: 'utf8' }).trim();
const text = (result) => result.content.filter((part) => part.type === 'text')
	.map((part) => part.text).join('\n');

async function works(client) {
	const { tools } = await client.listTools();
	assert.ok(tools.find((tool) => tool.name === 'screenshot').annotations.readOnlyHint);
	const call = (name, args = {}) => client.callTool({ name, arguments: args });
	let result = await call('screenshot');
	const picture = result.content.find((part) => part.type === 'image');
	assert.equal(Buffer.from(picture.data, 'base64').readUInt32BE(16), 1280);
	result = await call('bash', { command: 'echo HTTP-$((6*7))' });
	assert.match(text(result), /HTTP-42/);
	await call('move', { x: 321, y: 123 });
	result = await call('cursor_position');
	assert.deepEqual([result.structuredContent.x, result.structuredContent.y], [321, 123]);
	result = await call('click', { x: 99999, y: 1 });
	assert.ok(result.isError);
	assert.match(text(result), /x is 99999; it must be 0 to 1279/);
	await client.close();
}

const server = spawn(cua, ['serve', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
	const [line] = await new Promise((resolve) =>
		createInterface(server.stdout).once('line', (first) => resolve([first])));
	const url = new URL('/mcp', line.replace(/#.*/, ''));
	const token = command('serve', 'token', 'test', '--scopes=act');
	const options = { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
	command('desktop', 'start', '--name', 'shared');
	for (const [ClientClass, TransportClass, versions] of [
		[Client, StreamableHTTPClientTransport, {}],
		[NewClient, NewTransport, { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
	]) {
		const client = new ClientClass({ name: 'test', version: '1' }, versions);
		await client.connect(new TransportClass(url, options));
		await works(client);
		console.log(`ok ${ClientClass === Client ? 'sdk' : 'client'}`);
	}
} finally {
	server.kill('SIGTERM');
}
