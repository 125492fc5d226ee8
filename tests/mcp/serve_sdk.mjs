// The official SDK's clients and `cua mcp` on a real desktop: the client of the revisions with a
// handshake (sdk), and that of the newest (client).
//
//   node serve_sdk.mjs CUA
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { inflateSync } from 'node:zlib';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ResourceUpdatedNotificationSchema }
	from '@modelcontextprotocol/sdk/types.js';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewTransport } from '@modelcontextprotocol/client/stdio';

const cua = process.argv[2];
const command = (...words) => execFileSync(cua, words, { encoding: 'utf8' });
const who = { name: 'test', version: '1' };

async function connect(args = [], transportClass = StdioClientTransport, client = new Client(who)) {
	const transport = new transportClass({ command: cua, args: ['mcp', ...args],
		env: process.env, stderr: 'inherit' });
	await client.connect(transport);
	// The newer client has no argument for a schema of the answer.
	const call = (params, options) => transportClass === NewTransport
		? client.callTool(params, options) : client.callTool(params, undefined, options);
	return { client, call, transport };
}

const text = (result) => result.content.filter((part) => part.type === 'text')
	.map((part) => part.text).join('\n');
const image = (result) => result.content.find((part) => part.type === 'image');

// Width, height and the set of colours of a PNG with 8 bits for each of red, green and blue.
function decode(part) {
	assert.equal(part.mimeType, 'image/png');
	const bytes = Buffer.from(part.data, 'base64');
	assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
	const data = [];
	for (let at = 8; at < bytes.length;) {
		const length = bytes.readUInt32BE(at);
		if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
			data.push(bytes.subarray(at + 8, at + 8 + length));
		at += 12 + length;
	}
	const width = bytes.readUInt32BE(16), height = bytes.readUInt32BE(20);
	assert.deepEqual([...bytes.subarray(24, 26)], [8, 2]);
	assert.equal(inflateSync(Buffer.concat(data)).length, height * (1 + 3 * width));
	return { width, height };
}

async function lists_tools(client) {
	const { tools } = await client.listTools();
	const click = tools.find((tool) => tool.name === 'click');
	assert.equal(click.annotations.destructiveHint, true);
	assert.equal(click.inputSchema.properties.x.type, 'integer');
	assert.ok(tools.find((tool) => tool.name === 'screenshot').annotations.readOnlyHint);
	for (const name of ['find_text', 'mark_screen', 'wait_for', 'bash', 'run_start', 'actions'])
		assert.ok(tools.some((tool) => tool.name === name), name);
}

async function sees_and_acts(client) {
	const call = (name, args = {}) => client.callTool({ name, arguments: args });
	let result = await call('screenshot');
	assert.deepEqual(decode(image(result)), { width: 1280, height: 800 });
	assert.equal(result.structuredContent.status, 'delivered');
	result = await call('screenshot', { region: [10, 20, 64, 48] });
	assert.deepEqual(decode(image(result)), { width: 64, height: 48 });

	result = await call('open_app', { name: 'xterm' });
	assert.equal(result.structuredContent.window.class, 'XTerm');
	decode(image(result));
	result = await call('type', { text: 'echo MCP-$((6*7)) > typed.txt\n', screenshot: false });
	assert.ok(!result.isError, text(result));
	assert.equal(image(result), undefined);
	result = await call('bash', { command: 'sleep 0.1; cat ~/typed.txt || ls ~' });
	assert.match(text(result), /MCP-42/);

	result = await call('actions', { actions: [{ action: 'move', x: 300, y: 200 },
		{ action: 'click', x: 310, y: 210, button: 'right' }] });
	assert.equal(result.structuredContent.results.length, 2);
	result = await call('cursor_position');
	assert.deepEqual([result.structuredContent.x, result.structuredContent.y], [310, 210]);
	result = await call('list_windows');
	assert.ok(result.structuredContent.windows.some((window) => window.class === 'XTerm'));
	result = await call('mark_screen');
	assert.equal(result.content[0].type, 'image');
	result = await call('wait_for', { until: 'window', text: 'xterm' });
	assert.ok(!result.isError, text(result));
	result = await call('python', { code: 'import PIL.Image\ndisplay(PIL.Image.new("RGB", (3, 2)))' });
	assert.deepEqual(decode(image(result)), { width: 3, height: 2 });
}

// What a user of the host gets: the screen and the windows to read, templates as prompts.
async function reads_and_prompts(client) {
	const { resources } = await client.listResources();
	assert.ok(resources.some(({ uri }) => uri === 'cua://runs'));
	let { contents } = await client.readResource({ uri: 'cua://screen' });
	assert.deepEqual(decode({ mimeType: contents[0].mimeType, data: contents[0].blob }),
		{ width: 1280, height: 800 });
	({ contents } = await client.readResource({ uri: 'cua://screen/windows' }));
	assert.ok(JSON.parse(contents[0].text).windows);
	const { resourceTemplates } = await client.listResourceTemplates();
	assert.ok(resourceTemplates.some(({ uriTemplate }) => uriTemplate === 'cua://runs/{run}/journal'));
	await assert.rejects(client.readResource({ uri: 'cua://runs/none' }), /no run/);

	const { prompts } = await client.listPrompts();
	const { name } = prompts.find((prompt) => prompt.name === 'code-review');
	const { messages } = await client.getPrompt({ name, arguments: { task: 'the last change' } });
	assert.match(messages[0].content.text, /You review .*Task: the last change$/s);
	await assert.rejects(client.getPrompt({ name }), /task is missing/);
	const { completion } = await client.complete({ ref: { type: 'ref/prompt', name },
		argument: { name: 'by', value: 'r' } });
	assert.deepEqual(completion.values, ['run']);
}

// The host's own model is shown the screen, and its words are the answer.
async function asks_its_model(transportClass, client, schema) {
	let asked;
	client.setRequestHandler(schema, async ({ params }) => {
		asked = params;
		return { role: 'assistant', model: 'test', content: { type: 'text', text: 'A desktop, at 640,400.' } };
	});
	await connect([], transportClass, client);
	const args = { question: 'What is there?' };
	const result = await client.callTool({ name: 'ask_about_screen', arguments: args });
	assert.equal(text(result), 'A desktop, at 640,400.');
	const [picture, words] = asked.messages.map(({ content }) => content);
	assert.deepEqual(decode(picture), { width: 1280, height: 800 });
	assert.equal(words.text, args.question);
	assert.match(asked.systemPrompt, /1280 by 800/);
	await client.close();
}

// It is told when something changes, of what was asked for alone, and no oftener than once a second.
async function hears_news(client, heard, begin, end) {
	const call = async (name, args = {}) => {
		const result = await client.callTool({ name, arguments: args });
		assert.ok(!result.isError, text(result));
	};
	const uris = ['cua://screen', 'cua://screen/windows'];
	assert.ok(client.getServerCapabilities().resources.subscribe);
	await begin(uris);
	const began = Date.now();
	await call('open_app', { name: 'xterm' });
	await until(() => uris.every((uri) => heard.includes(uri)), 'news of a window');
	await call('type', { text: 'echo a line on the screen, and another one\n' });
	await until(() => heard.filter((uri) => uri === uris[0]).length > 1, 'news of the screen');
	for (const uri of uris)
		assert.ok(heard.filter((each) => each === uri).length <= 2 + (Date.now() - began) / 1000);
	await end(uris);
	heard.length = 0;
	await call('type', { text: 'exit\n' });
	await call('screenshot');
	assert.deepEqual(heard, []);
}

// What a model did wrong is an answer for it; what its host did wrong is an error.
async function tells_what_is_wrong(client) {
	let result = await client.callTool({ name: 'click', arguments: { x: 1280, y: 1 } });
	assert.ok(result.isError);
	assert.equal(text(result), 'click: x is 1280; it must be 0 to 1279');
	decode(image(result));
	result = await client.callTool({ name: 'bash', arguments: { command: '(exit 3)' } });
	assert.ok(result.isError);
	assert.match(text(result), /exit status 3/);
	result = await client.callTool({ name: 'read_file', arguments: { path: '../../etc/passwd' } });
	assert.ok(result.isError);
	await assert.rejects(client.callTool({ name: 'clik' }), /did you mean 'click'/);
	result = await client.callTool({ name: 'run_start', arguments: { task: 'x', model: 'none/of/these' } });
	assert.ok(result.isError);
	assert.match(text(result), /the run did not begin: /);
}

// The command of the next test runs by now.
function sleeps() {
	try {
		return command('desktop', 'exec', '-d', 'shared', 'pgrep', '-fx', 'sleep 60') !== '';
	} catch {
		return false;
	}
}

// Two calls that would take a minute; meanwhile others are answered, and their end is at once.
async function cancels({ client, call }, ping) {
	const began = Date.now();
	for (const [name, args] of [['wait', { duration_ms: 60000 }],
		['bash', { command: 'sleep 60', timeout_s: 90 }]]) {
		const abort = new AbortController();
		const waits = call({ name, arguments: args }, { signal: abort.signal });
		await ping();
		if (name === 'bash')
			await until(sleeps, 'the command');
		abort.abort(new Error('enough'));
		await assert.rejects(waits);
	}
	const result = await client.callTool({ name: 'bash', arguments: { command: 'echo on' } });
	assert.equal(text(result), 'on\n');
	const position = await client.callTool({ name: 'cursor_position', arguments: {} });
	assert.ok(!position.isError, text(position));
	assert.ok(Date.now() - began < 15000);
}

// However soon it is cancelled: before it has begun, just then, and a little later.
async function cancels_at_once({ call }) {
	for (let i = 0; i < 24; i++) {
		const abort = new AbortController();
		const waits = call({ name: 'bash', arguments: { command: 'sleep 60' } },
			{ signal: abort.signal });
		await new Promise((resolve) => setTimeout(resolve, i % 4));
		abort.abort(new Error('enough'));
		await assert.rejects(waits);
		const began = Date.now();
		await call({ name: 'bash', arguments: { command: 'echo on' } });
		assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
	}
}

async function tells_progress({ call }) {
	const told = [];
	await call({ name: 'wait', arguments: { duration_ms: 11000 } },
		{ onprogress: (progress) => told.push(progress.progress), timeout: 8000,
			resetTimeoutOnProgress: true });
	assert.ok(told.length >= 1 && told[0] > 4, String(told));
}

// A model that clicks, and is done with its next answer; of OpenAI's Responses API. What it was sent
// last is told.
function start_model() {
	const sent = [];
	const events = (...items) => [...items.map((item) => ({ type: 'response.output_item.done', item })),
		{ type: 'response.completed', response: { status: 'completed',
			usage: { input_tokens: 7, output_tokens: 3 } } }]
		.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
	const click = { type: 'computer_call', id: 'i1', call_id: 'c1', status: 'completed',
		actions: [{ type: 'click', button: 'left', x: 600, y: 400 }] };
	const words = { type: 'message', role: 'assistant',
		content: [{ type: 'output_text', text: 'Clicked.' }] };
	const server = createServer(async (request, response) => {
		let body = '';
		for await (const part of request)
			body += part;
		sent.push(body);
		response.writeHead(200, { 'Content-Type': 'text/event-stream' });
		response.end(events(sent.length === 1 ? click : words));
	});
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, sent })));
}

// A run asks before it clicks; its question is seen, with a picture. answer() has it answered.
async function runs_and_answers(args, transportClass, client, answer) {
	const { server, sent } = await start_model();
	const policy = `${process.env.HOME}/policy.yaml`;
	writeFileSync(policy, 'include: default\nrules:\n  - ask: clicks\n    when: {action: "click"}\n');
	const models = `${process.env.HOME}/models.json`;
	writeFileSync(models, JSON.stringify({ providers: { test: { api: 'responses', needs_key: false,
		base_url: `http://127.0.0.1:${server.address().port}/v1` } } }));
	Object.assign(process.env, { CUA_MODEL: 'test/m', CUA_POLICY: policy, CUA_MODELS: models });
	await connect(args, transportClass, client);
	const call = async (name, args) => {
		const result = await client.callTool({ name, arguments: args });
		assert.ok(!result.isError, text(result));
		return result;
	};
	const { run } = (await call('run_start', { task: 'Click.', here: true, max_steps: 5 }))
		.structuredContent;
	const asks = await call('run_status', { run, wait_s: 60 });
	const { state, question } = asks.structuredContent;
	assert.equal(state, 'asking');
	assert.equal(question.kind, 'approval');
	assert.match(question.words, /click/);
	decode(image(asks));
	await call('run_tell', { run, text: 'and be quick' });
	await answer(client, { run, question: question.id });
	const ended = await call('run_status', { run, wait_s: 60 });
	assert.equal(ended.structuredContent.state, 'done');
	assert.equal(ended.structuredContent.answer, 'Clicked.');
	assert.match(sent[1], /and be quick/);
	const { runs } = (await call('run_list', {})).structuredContent;
	assert.equal(runs.at(-1).id, run);
	const late = await client.callTool({ name: 'run_pause', arguments: { run } });
	assert.match(text(late), /is ending|does not go on/);
	await client.close();
	server.close();
}

// The model's word counts, as its user wanted.
async function answers_itself(client, question) {
	const wrong = await client.callTool({ name: 'run_answer',
		arguments: { ...question, question: '0'.repeat(32), answer: 'yes' } });
	assert.ok(wrong.isError);
	const result = await client.callTool({ name: 'run_answer', arguments: { ...question, answer: 'yes' } });
	assert.ok(!result.isError, text(result));
}

// It does not: the host asks its user, first one who does not say, then one who does.
function asks_user(told) {
	return async (client, question) => {
		const args = { ...question, answer: 'yes' };
		let result = await client.callTool({ name: 'run_answer', arguments: args });
		assert.ok(result.isError);
		assert.match(text(result), /no answer \(decline\)/);
		result = await client.callTool({ name: 'run_answer', arguments: args });
		assert.ok(!result.isError, text(result));
		assert.equal(told.length, 2);
		assert.match(told[0].message, /May the run .* do this, once\?\nWhat: click at 600, 400/);
		assert.equal(told[0].requestedSchema.properties.answer.type, 'boolean');
	};
}

// A host that cannot ask says how its user answers.
async function cannot_ask(client, question) {
	const result = await client.callTool({ name: 'run_answer', arguments: { ...question, answer: 'yes' } });
	assert.ok(result.isError);
	assert.match(text(result), /cannot ask its user; they answer with: cua runs answer /);
	command('runs', 'answer', question.run, question.question, 'yes');
}

// Declines, then accepts.
const user = (told) => async ({ params }) => told.push(params) === 1 ? { action: 'decline' }
	: { action: 'accept', content: { answer: true } };

const desktops = () => JSON.parse(command('desktop', 'list', '--json'));

// One of its own, which goes with the session; nobody else's is taken for it.
async function starts_a_desktop_and_stops_it() {
	const one = await connect(['--size=800x600']), other = await connect();
	assert.deepEqual(desktops(), []);
	const shots = await Promise.all([one, other].map(({ client }) =>
		client.callTool({ name: 'screenshot', arguments: {} })));
	assert.deepEqual(decode(image(shots[0])), { width: 800, height: 600 });
	assert.deepEqual(decode(image(shots[1])), { width: 1280, height: 800 });
	assert.equal(desktops().length, 2);
	await one.client.close();
	const { pid } = other.transport;
	process.kill(pid, 'SIGKILL');
	await until(() => desktops().length === 0, 'the end of both desktops');
}

// The host of its desktop dies, and gets a successor; the desktop dies, and the next call has another.
async function outlives_its_desktop() {
	const { client } = await connect();
	const call = () => client.callTool({ name: 'cursor_position', arguments: {} });
	assert.ok(!(await call()).isError);
	const { name } = desktops()[0];
	const record = JSON.parse(readFileSync(
		`${process.env.CUA_RUNTIME_DIR}/desktops/${name}/desktop.json`, 'utf8'));
	process.kill(record.host.pid ?? record.host, 'SIGKILL');
	await until(() => desktops()[0].state === 'detached', 'the end of the host');
	assert.ok(!(await call()).isError);
	assert.deepEqual(desktops().map(({ state }) => state), ['running']);
	process.kill(record.session.pid ?? record.session, 'SIGKILL');
	await until(() => desktops()[0].state === 'dead', 'the end of the desktop');
	assert.match(text(await call()), /has ended, and all that ran on it/);
	assert.ok(!(await call()).isError);
	await client.close();
	await until(() => desktops().length === 0, 'the end of the desktop');
}

async function until(condition, what) {
	for (const end = Date.now() + 20000; Date.now() < end;) {
		if (condition())
			return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	assert.fail(`${what} did not come`);
}

// What no client of the SDK would say: lines that are none of JSON-RPC, one that is too long, the end of
// the input in the middle of a call.
async function takes_any_line() {
	const child = spawn(cua, ['mcp'], { stdio: ['pipe', 'pipe', 'inherit'] });
	const heard = [];
	createInterface({ input: child.stdout }).on('line', (line) => heard.push(JSON.parse(line)));
	const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
	const say = (line) => child.stdin.write(line);
	const next = async () => {
		await until(() => heard.length, 'an answer');
		return heard.shift();
	};
	for (const [line, code] of [['nonsense\n', -32700], ['[]\n', -32600], ['\0\n', -32700],
		[`${'['.repeat(100000)}\n`, -32700], [`"${'x'.repeat(9 << 20)}"\n`, -32600]]) {
		say(line);
		assert.equal((await next()).error.code, code);
	}
	say('\n  \r\n{"jsonrpc":"2.0","id":1,"method":');
	say('"ping"}\n');
	assert.deepEqual(await next(), { jsonrpc: '2.0', id: 1, result: {} });
	const meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
		'"io.modelcontextprotocol/clientCapabilities":{}}';
	say(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"mouse_down",${meta}}}\n`);
	assert.equal((await next()).result.isError, false);
	const began = Date.now();
	say(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"wait","arguments":` +
		`{"duration_ms":60000},${meta}}}\n`);
	// Without a line break: the last message counts all the same.
	child.stdin.end(`{"jsonrpc":"2.0","id":4,"method":"tools/list","params":{${meta}}}`);
	assert.equal((await next()).id, 4);
	assert.equal(await ended, 0);
	assert.ok(Date.now() - began < 10000);
	assert.deepEqual(heard, []);
}

async function ends_by_signal() {
	const child = spawn(cua, ['mcp'], { stdio: ['pipe', 'pipe', 'inherit'] });
	const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
	child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
	await new Promise((resolve) => child.stdout.once('data', resolve));
	child.kill('SIGTERM');
	assert.equal(await ended, 128 + 15);
}

async function test(name, run) {
	const began = Date.now();
	await run();
	console.log(`ok ${name} (${Date.now() - began} ms)`);
}

await test('a desktop of its own', starts_a_desktop_and_stops_it);
await test('outlives its desktop', outlives_its_desktop);
command('desktop', 'start', '--name', 'shared');
await test('takes any line', takes_any_line);
await test('ends by a signal', ends_by_signal);
const legacy = await connect(), { client } = legacy;
await test('lists tools', () => lists_tools(client));
await test('sees and acts', () => sees_and_acts(client));
await test('reads and prompts', () => reads_and_prompts(client));
const heard = [];
client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => { heard.push(params.uri); });
await test('hears news', () => hears_news(client, heard,
	(uris) => Promise.all(uris.map((uri) => client.subscribeResource({ uri }))),
	(uris) => Promise.all(uris.map((uri) => client.unsubscribeResource({ uri })))));
await assert.rejects(client.subscribeResource({ uri: 'cua://none' }), /no resource/);
await test('tells what is wrong', () => tells_what_is_wrong(client));
await test('cancels', () => cancels(legacy, () => client.ping()));
await test('cancels at once', () => cancels_at_once(legacy));
await test('tells progress', () => tells_progress(legacy));
await client.close();
const pin = { versionNegotiation: { mode: { pin: '2026-07-28' } } };
const elicits = { capabilities: { elicitation: {} } };
await test('runs, and answers itself', () => runs_and_answers(['--offer=all'], StdioClientTransport,
	new Client(who), answers_itself));
await test('runs, and cannot ask', () => runs_and_answers([], StdioClientTransport, new Client(who),
	cannot_ask));
await test('runs, and has its user asked', () => {
	const told = [], client = new Client(who, elicits);
	client.setRequestHandler(ElicitRequestSchema, user(told));
	return runs_and_answers([], StdioClientTransport, client, asks_user(told));
});
await test('runs, and has its user asked, newest revision', () => {
	const told = [], client = new NewClient(who, { ...elicits, ...pin });
	client.setRequestHandler('elicitation/create', user(told));
	return runs_and_answers([], NewTransport, client, asks_user(told));
});
const samples = { capabilities: { sampling: {} } };
await test('asks its model', () => asks_its_model(StdioClientTransport, new Client(who, samples),
	CreateMessageRequestSchema));
await test('asks its model, newest revision', () => asks_its_model(NewTransport,
	new NewClient(who, { ...samples, ...pin }), 'sampling/createMessage'));
const modern = await connect([], NewTransport,
	new NewClient(who, pin));
await test('lists tools, newest revision', () => lists_tools(modern.client));
await test('sees and acts, newest revision', () => sees_and_acts(modern.client));
await test('reads and prompts, newest revision', () => reads_and_prompts(modern.client));
modern.client.setNotificationHandler('notifications/resources/updated', ({ params }) => { heard.push(params.uri); });
let listening;
await test('hears news, newest revision', () => hears_news(modern.client, heard, async (uris) => {
	listening = await modern.client.listen({ resourceSubscriptions: [...uris, 'cua://none'], toolsListChanged: true });
	assert.deepEqual(listening.honoredFilter, { resourceSubscriptions: uris });
}, () => listening.close()));
await test('cancels, newest revision', () => cancels(modern, () => modern.client.listTools()));
await modern.client.close();
assert.equal(desktops().length, 1);
