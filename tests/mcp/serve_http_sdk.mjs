// The official SDK's clients and /mcp of `cua serve` on a real desktop: the client of the revisions
// with a handshake (sdk), and that of the newest (client).
//
//   node serve_http_sdk.mjs CUA
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport }
	from '@modelcontextprotocol/client';

const cua = process.argv[2];
const command = (...words) => execFileSync(cua, words, { encoding: 'utf8' }).trim();
const text = (result) => result.content.filter((part) => part.type === 'text')
	.map((part) => part.text).join('\n');

async function until(condition, what) {
	const deadline = Date.now() + 30000;
	while (!await condition()) {
		assert.ok(Date.now() < deadline, `not in time: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

// Runs of the server, as far as the token may.
async function steers_runs(call, tools) {
	const tool = (name) => tools.find((each) => each.name === name);
	assert.ok(tool('run_status').annotations.readOnlyHint);
	assert.ok(tool('run_cancel').annotations.destructiveHint);
	assert.deepEqual(tool('run_tell').inputSchema.required, ['text', 'run']);
	assert.equal(tool('run_start').inputSchema.properties.settings.type, 'object');
	assert.ok(tool('approval_list'));
	assert.equal(tool('approval_decide'), undefined);
	const started = await call('run_start', { task: 'x', settings: { model: 'none-such' } });
	const run = started.structuredContent.id;
	assert.ok(run, text(started));
	await until(async () => (await call('run_status', { run })).structuredContent.ended_ms, 'its end');
	const { items } = (await call('run_list', { limit: 1 })).structuredContent;
	assert.deepEqual([items.length, items[0].id, items[0].state], [1, run, 'failed']);
	for (const [name, args, says] of [
		['run_tell', { run, text: 'x' }, /does not go on/], ['run_interrupt', { run: 'none' }, /no such run/],
		['run_tell', { run }, /text is missing/], ['run_cancel', { run: '../x' }, /without a slash/],
		['run_start', { tsk: 'x' }, /did you mean/], ['run_pause', {}, /run must be/],
	]) {
		const refused = await call(name, args);
		assert.ok(refused.isError, name);
		assert.match(text(refused), says);
	}
	assert.deepEqual((await call('approval_list')).structuredContent.items, []);
}

// The command is on the desktop by now.
function sleeps() {
	try {
		return command('desktop', 'exec', '-d', 'shared', 'pgrep', '-fx', 'sleep 600') !== '';
	} catch {
		return false;
	}
}

// While it goes on, and not with its answer.
async function tells_progress(call) {
	const told = [];
	await call('wait', { duration_ms: 3000 }, { onprogress: ({ progress }) => told.push(progress) });
	assert.ok(told[0] < 3, `told after ${told} s`);
}

// Nothing goes on for nobody, whether they say so or hang up.
async function cancels(call, cancel) {
	const abort = new AbortController();
	const waits = call('bash', { command: 'sleep 600', timeout_s: 600 }, { signal: abort.signal });
	const failed = assert.rejects(waits);
	await until(sleeps, 'the command');
	await cancel(abort);
	await failed;
	await until(() => !sleeps(), 'its end');
}

// Beside tools: screens to read, which of several too, and runs of the server; templates as prompts.
async function reads_and_prompts(client) {
	for (const uri of ['cua://screen', 'cua://desktops/shared/screen']) {
		const { contents } = await client.readResource({ uri });
		assert.equal(Buffer.from(contents[0].blob, 'base64').readUInt32BE(16), 1280);
	}
	await assert.rejects(client.readResource({ uri: 'cua://desktops/none/screen' }), /none/);
	const { resources } = await client.listResources();
	assert.ok(resources.some(({ uri }) => uri === 'cua://runs'));
	const { contents: [runs] } = await client.readResource({ uri: 'cua://runs' });
	assert.ok(Array.isArray(JSON.parse(runs.text).items));
	await assert.rejects(client.readResource({ uri: 'cua://runs/none' }), /no such run/);
	const { messages } = await client.getPrompt({ name: 'office', arguments: { task: 'x', by: 'run' } });
	assert.match(messages[0].content.text, /run_start, with the template "office"/);
}

// Of a screen and of runs, on the stream of the session, or of a request that goes on.
async function hears_news(call, client, { heard, begin, end }) {
	const uris = ['cua://desktops/shared/screen', 'cua://runs'];
	await begin(client, uris);
	await call('open_app', { name: 'xterm' });
	const { structuredContent: { id } } = await call('run_start', { task: 'x', settings: { model: 'none-such' } });
	await until(() => uris.every((uri) => heard.includes(uri)), 'news');
	const { contents: [run] } = await client.readResource({ uri: `cua://runs/${id}` });
	assert.equal(JSON.parse(run.text).id, id);
	const { contents: [journal] } = await client.readResource({ uri: `cua://runs/${id}/journal` });
	assert.equal(typeof journal.text, 'string');
	await end(client, uris);
	heard.length = 0;
	await call('type', { text: 'exit\n' });
	await call('screenshot');
	assert.deepEqual(heard, []);
}

async function works(client, callTool, news) {
	const { tools } = await client.listTools();
	assert.ok(tools.find((tool) => tool.name === 'screenshot').annotations.readOnlyHint);
	const call = (name, args = {}, options = {}) => callTool({ name, arguments: args }, options);
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
	await reads_and_prompts(client);
	await steers_runs(call, tools);
	await hears_news(call, client, news);
	await tells_progress(call);
	await cancels(call, (abort) => abort.abort(new Error('enough')));
	await cancels(call, () => client.close());
}

const server = spawn(cua, ['serve', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
	const [line] = await new Promise((resolve) =>
		createInterface(server.stdout).once('line', (first) => resolve([first])));
	const url = new URL('/mcp', line.replace(/#.*/, ''));
	const options_of = (scopes) => {
		const token = command('serve', 'token', 'test', `--scopes=${scopes}`);
		return { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
	};
	const options = options_of('act');
	command('desktop', 'start', '--name', 'shared');
	const heard = [], take = ({ params }) => { heard.push(params.uri); };
	const subscribing = { heard,
		begin: (client, uris) => Promise.all(uris.map((uri) => client.subscribeResource({ uri }))),
		end: (client, uris) => Promise.all(uris.map((uri) => client.unsubscribeResource({ uri }))) };
	let open;
	const listening = { heard,
		begin: async (client, uris) => {
			open = await client.listen({ resourceSubscriptions: uris });
			assert.deepEqual(open.honoredFilter, { resourceSubscriptions: uris });
		},
		end: () => open.close() };
	for (const [ClientClass, TransportClass, versions] of [
		[Client, StreamableHTTPClientTransport, {}],
		[NewClient, NewTransport, { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
	]) {
		const client = new ClientClass({ name: 'test', version: '1' }, versions);
		await client.connect(new TransportClass(url, options));
		// The newer client has no argument for a schema of the answer.
		if (ClientClass === Client) {
			client.setNotificationHandler(ResourceUpdatedNotificationSchema, take);
			await works(client, (params, more) => client.callTool(params, undefined, more), subscribing);
		} else {
			client.setNotificationHandler('notifications/resources/updated', take);
			await works(client, (params, more) => client.callTool(params, more), listening);
		}
		console.log(`ok ${ClientClass === Client ? 'sdk' : 'client'}`);
	}
	// In older revisions the user's answer is a POST of its own.
	const asks = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
	asks.setRequestHandler(ElicitRequestSchema, async () =>
		({ action: 'accept', content: { task: 'add it up' } }));
	await asks.connect(new StreamableHTTPClientTransport(url, options));
	const { messages } = await asks.getPrompt({ name: 'office' });
	assert.match(messages[0].content.text, /Task: add it up$/);
	// Who takes no stream cannot be asked; an id that was not given is none.
	const post = (session) => fetch(url, { method: 'POST', headers: { ...options.requestInit.headers,
		'Content-Type': 'application/json', 'Mcp-Session-Id': session },
	body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'office' } }) });
	const { error } = await (await post(asks.transport.sessionId)).json();
	assert.match(error.message, /task is missing/);
	assert.equal((await post('other')).status, 404);
	await asks.close();
	console.log('ok asks');
	// What a client does not say that it can has a status of its own, also where the answer would be a stream.
	const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28',
		'io.modelcontextprotocol/clientCapabilities': {} };
	const lacks = await fetch(url, { method: 'POST', headers: { ...options.requestInit.headers,
		'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream',
		'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'ask_about_screen' },
	body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call',
		params: { name: 'ask_about_screen', arguments: { question: 'x' }, _meta: meta } }) });
	assert.equal(lacks.status, 400);
	assert.deepEqual((await lacks.json()).error.data, { requiredCapabilities: { sampling: {} } });
	console.log('ok status');
	const approver = new Client({ name: 'test', version: '1' });
	await approver.connect(new StreamableHTTPClientTransport(url, options_of('watch,approve')));
	const { tools } = await approver.listTools();
	assert.ok(tools.some(({ name }) => name === 'approval_decide'));
	assert.ok(!tools.some(({ name }) => ['run_start', 'bash', 'desktop_stop'].includes(name)));
	await approver.close();
	console.log('ok scopes');
} finally {
	server.kill('SIGTERM');
}
