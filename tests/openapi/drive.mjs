// Every operation of openapi.json: once as it should be, with wrong input, without a token, with too small a
// scope. Each answer has the status and the schema that stand there, each refusal is application/problem+json.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as later } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';

const cua = process.env.CUA_TEST_PROGRAM;
const server = process.env.CUA_TEST_MCP_SERVER;
const deadlineMs = 120000;

// --- the server ---

const child = spawn(cua, ['serve', '--port=0', '--print-login', '--plain-get', '--spares=0'], {
	stdio: ['ignore', 'pipe', 'inherit'],
});
const line = await new Promise((resolve, reject) => {
	createInterface(child.stdout).once('line', resolve);
	child.once('exit', (status) => reject(new Error(`cua serve ended with ${status}`)));
});
const base = line.replace(/\/#.*/, '');
const login = line.replace(/.*#login=/, '');
const tokenOf = (name, scopes) =>
	execFileSync(cua, ['serve', 'token', name, `--scopes=${scopes}`], { encoding: 'utf8' }).trim().split(/\s/)[0];
const admin = tokenOf('admin', 'admin');
const watcher = tokenOf('watcher', 'watch');
const actor = tokenOf('actor', 'act,approve');

const document = await (await fetch(`${base}/openapi.json`)).json();
const { valid, errors } = await new Validator().validate(structuredClone(document));
assert.ok(valid, JSON.stringify(errors));

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema(document, 'openapi.json');
const pointer = (...parts) =>
	parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
function holds(where, json, what) {
	const check = ajv.compile({ $ref: `openapi.json#${encodeURI(where)}` });
	assert.ok(check(json), `${what}: ${JSON.stringify(check.errors)} in ${JSON.stringify(json)}`);
}

const operations = new Map();
for (const [path, methods] of Object.entries(document.paths)) {
	for (const [method, operation] of Object.entries(methods)) {
		assert.ok(!operations.has(operation.operationId));
		operations.set(operation.operationId, { path, method, ...operation });
	}
}

// --- asking ---

async function send(operation, { params = {}, query = {}, body, bytes, headers = {}, token = admin, method } = {}) {
	const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => {
		assert.ok(name in params, `${operation.operationId} wants ${name}`);
		return encodeURIComponent(params[name]);
	});
	const search = new URLSearchParams(query).toString();
	return fetch(`${base}${path}${search && `?${search}`}`, {
		method: (method ?? operation.method).toUpperCase(),
		headers: {
			...(token && { authorization: `Bearer ${token}` }),
			...(body !== undefined && { 'content-type': 'application/json' }),
			...(bytes !== undefined && { 'content-type': 'application/octet-stream' }),
			...headers,
		},
		body: body !== undefined ? JSON.stringify(body) : bytes,
	});
}

async function refuses(operation, options, statuses, what) {
	const answer = await send(operation, options);
	const text = await answer.text();
	const about = `${operation.operationId}, ${what}: ${answer.status} ${text}`;
	assert.ok(statuses.includes(answer.status), about);
	assert.equal(answer.headers.get('content-type'), 'application/problem+json', about);
	const problem = JSON.parse(text);
	assert.equal(problem.status, answer.status, about);
	holds('/components/schemas/Problem', Object.fromEntries(['type', 'title', 'status', 'detail', 'code', 'class']
		.map((name) => [name, problem[name]])), about);
}

/** As it should be: the answer's JSON, or its text. */
async function works(operation, options = {}) {
	const answer = await send(operation, options);
	const [described] = Object.keys(operation.responses).filter((name) => name !== 'default');
	const type = answer.headers.get('content-type') ?? '';
	if (type === 'text/event-stream') {
		const reader = answer.body.getReader();
		const { value } = await reader.read();
		await reader.cancel();
		assert.match(new TextDecoder().decode(value), /^(id: \d+\n)?data: \{/);
		return undefined;
	}
	const bytes = Buffer.from(await answer.arrayBuffer());
	const about = `${operation.operationId}: ${answer.status} ${bytes.subarray(0, 500)}`;
	assert.equal(String(answer.status), described, about);
	const content = operation.responses[described].content;
	if (!content) {
		assert.equal(bytes.length, 0, about);
		return undefined;
	}
	if (!content['application/json']) {
		return { bytes, text: bytes.toString() };
	}
	assert.equal(type, 'application/json', about);
	const json = JSON.parse(bytes.toString());
	holds(pointer('paths', operation.path, operation.method, 'responses', described, 'content', 'application/json',
		'schema'), json, operation.operationId);
	return json;
}

/** What is wrong in the same way everywhere. */
async function misused(operation, options) {
	const { parameters, requestBody, security } = operation;
	const scopes = operation['x-scopes'] ?? [];
	const isTicket = '101' in operation.responses;
	if (security.length > 0) {
		await refuses(operation, { ...options, token: '' }, [401, 429], 'without a token');
	}
	if (scopes.some((scope) => scope !== 'watch')) {
		const other = scopes.includes('admin') ? actor : watcher;
		await refuses(operation, { ...options, token: other }, [403], 'with too small a scope');
	}
	if (isTicket) {
		return;
	}
	if (requestBody?.content['application/json']) {
		await refuses(operation, { ...options, body: { 'no-such-member': 1 } }, [400], 'with a wrong member');
		await refuses(operation, { ...options, body: 'text' }, [400], 'with no object');
		await refuses(operation, { ...options, body: undefined, bytes: '{}' }, [415], 'with a wrong type');
	} else if (!requestBody && operation.method !== 'get') {
		await refuses(operation, { ...options, body: { x: 1 } }, [400], 'with a body');
	}
	if (operation.operationId !== 'getPage' && operation.operationId !== 'getPageFile') {
		await refuses(operation, { ...options, query: { ...options.query, 'no-such-argument': '1' } }, [400],
			'with a wrong argument');
	}
	for (const { name } of parameters.filter((parameter) => parameter.in === 'path')) {
		if (operation.operationId !== 'setSecret' && operation.operationId !== 'putMcpServer' &&
			operation.operationId !== 'testModel') {
			await refuses(operation, { ...options, params: { ...options.params, [name]: 'none-such' } }, [400, 404],
				`with a wrong ${name}`);
		}
	}
	const other = ['put', 'patch', 'delete', 'post', 'get'].find((method) => !(method in document.paths[operation.path]));
	await refuses(operation, { ...options, body: undefined, bytes: undefined, method: other }, [405],
		'by another method');
}

const driven = new Set();
async function drive(id, options = {}) {
	const operation = operations.get(id);
	assert.ok(operation, `${id} is not there`);
	driven.add(id);
	await misused(operation, options);
	return works(operation, options);
}

async function until(what, condition) {
	for (const end = Date.now() + deadlineMs; Date.now() < end; await later(100)) {
		const found = await condition();
		if (found) {
			return found;
		}
	}
	throw new Error(`not in time: ${what}`);
}

// --- each of them ---

async function service() {
	await drive('getHealth');
	await drive('getHealthDetailed');
	assert.match((await drive('getMetrics')).text, /cua_agents /);
	await drive('getOpenapi');
	const docs = (await drive('getDocs')).text;
	for (const id of operations.keys()) {
		assert.ok(docs.includes(`id="${id}"`), `${id} is not in /docs`);
	}
	await drive('getSession');
	await drive('login', { body: { login }, token: '' });
	const session = await send(operations.get('getSession'));
	assert.equal(session.status, 200);
	// Of a session alone: a token is none.
	for (const [name, body] of [['logout'], ['createTicket', { path: '/v1/events' }]]) {
		driven.add(name);
		await refuses(operations.get(name), { body }, [400], 'with a token');
	}
	const { id, token } = await drive('createToken', { body: { name: 'x', scopes: ['watch'] } });
	assert.ok(token);
	await drive('listTokens', { query: { limit: '1' } });
	await drive('revokeToken', { params: { token: id } });
	await drive('getUsage', { query: { by: 'day' } });
	await drive('getSettings');
	await drive('changeSettings', { body: { max_agents: 2 } });
	await drive('watchAll');
	await drive('callMcp', { bytes: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
		headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' } });
	// Of a session of an older revision alone.
	driven.add('listenMcp');
	await misused(operations.get('listenMcp'), {});
	await refuses(operations.get('listenMcp'), {}, [405], 'without a session');
	await refuses(operations.get('listenMcp'), { headers: { accept: 'text/event-stream', 'mcp-session-id': 'x' } },
		[404], 'of none');
	const page = await fetch(`${base}/`, { headers: { 'sec-fetch-mode': 'navigate' } });
	const file = (await page.text()).match(/\/assets\/([^"]+)/)?.[1];
	driven.add('getPage').add('getPageFile');
	if (file) { // it is built where npm is
		await works(operations.get('getPage'));
		await works(operations.get('getPageFile'), { params: { file } });
	}
}

async function projects() {
	const { id: project } = await drive('createProject', { body: { name: 'driven' } });
	const params = { project };
	await drive('listProjects');
	await drive('getProject', { params });
	await drive('changeProject', { params, body: { defaults: { max_steps: 3 } } });
	await drive('putFile', { params, query: { path: 'a/b.txt' }, bytes: 'hello' });
	await drive('createFolder', { params, query: { path: 'c' } });
	await drive('listFiles', { params, query: { path: 'a' } });
	assert.equal((await drive('getFile', { params, query: { path: 'a/b.txt' } })).text, 'hello');
	await drive('getUpload', { params, query: { path: 'a/b.txt' } });
	const { bytes } = await drive('backUpProject', { params });
	await works(operations.get('putFile'), { params, query: { path: 'all.tar' }, bytes });
	assert.equal((await drive('restoreProject', { params, query: { path: 'all.tar' } })).files, 1);
	await drive('deleteFile', { params, query: { path: 'c' } });
	await drive('deleteProject', { params });
}

async function catalogue() {
	await drive('listTemplates');
	await drive('listModels');
	await drive('testModel', { params: { model: 'none' }, body: {} });
	const params = { server: 'one' };
	await drive('putMcpServer', { params, body: { command: server, args: ['good'], read: [server] } });
	await drive('listMcpServers');
	const { changes_hash } = await drive('testMcpServer', { params });
	await drive('approveMcpServer', { params, body: { changes_hash } });
	await drive('deleteMcpServer', { params });
	await drive('setSecret', { params: { secret: 'KEY' }, body: { value: 'a-value-of-a-key', kind: 'api_key' } });
	await drive('listSecrets');
	await drive('deleteSecret', { params: { secret: 'KEY' } });
}

async function desktops() {
	const params = { desktop: 'driven' };
	await drive('startDesktop', { body: { name: 'driven', size: '800x600' } });
	await drive('listDesktops');
	await drive('getDesktop', { params });
	await drive('actOnDesktop', { params, body: { actions: [{ action: 'move', x: 5, y: 5 }], settle: false } });
	assert.equal((await drive('takeScreenshot', { params })).bytes.toString('latin1', 1, 4), 'PNG');
	await drive('callTool', { params, body: { tool: 'bash', arguments: { command: 'true' } } });
	await drive('execOnDesktop', { params, body: { command: ['true'] } });
	await drive('viewDesktop', { params, body: { mode: 'watch' } });
	await drive('getControl', { params });
	assert.equal((await drive('control', { params, body: { do: 'take' } })).owner, 'person');
	assert.equal((await works(operations.get('control'), { params, body: { do: 'give' } })).owner, 'agent');
	await drive('openTerminal', { params, body: {} });
	for (const id of ['openViewer', 'useTerminal']) {
		driven.add(id);
		await refuses(operations.get(id), { params, query: { ticket: 'x' } }, [426], 'without an upgrade');
	}
	await drive('resetDesktop', { params });
	await drive('stopDesktop', { params });
}

// The stand-in of the demo knows no other way than its own, so this run is for that alone.
async function interrupted() {
	const { id: run } = await works(operations.get('startDemo'));
	const now = async () => (await works(operations.get('getRun'), { params: { run } })).now;
	await until('the run goes on', now);
	await drive('interruptRun', { params: { run }, body: {} });
	await until('the run waits for a word', async () => (await now()).state === 'paused');
	await drive('cancelRun', { params: { run } });
}

async function runs() {
	const { id: run } = await drive('startDemo');
	const params = { run };
	await drive('listRuns');
	await drive('getRun', { params });
	const { id: waits } = await drive('createRun', { body: { task: 'x', settings: { model: 'none-such' } } });
	await until('the run goes on', async () => (await works(operations.get('getRun'), { params })).now);
	await drive('tellRun', { params, body: { text: 'well done' } });
	const open = await until('an approval', async () => (await works(operations.get('listApprovals'))).items
		.find((item) => item.run === run));
	await drive('listApprovals');
	await drive('getApprovalPicture', { params: { approval: open.id } });
	await drive('watchRun', { params });
	await drive('pauseRun', { params });
	await drive('resumeRun', { params });
	await drive('decideApproval', { params: { approval: open.id }, body: { answer: 'no' } });
	await drive('listActions', { params });
	await drive('listMessages', { params });
	const ended = async (params) => (await works(operations.get('getRun'), { params })).ended_ms;
	if (!(await ended(params))) {
		const answer = await send(operations.get('cancelRun'), { params });
		assert.ok([202, 409].includes(answer.status));
	}
	await until('the end of a run', () => ended(params));
	await until('the end of the other', () => ended({ run: waits }));
	// The last picture of one that has ended.
	assert.equal((await drive('getScreenshot', { params: { ...params, sha256: 'last' } })).bytes
		.toString('latin1', 1, 4), 'PNG');
	// One that has ended cannot be ended.
	await refuses(operations.get('cancelRun'), { params }, [409], 'twice');
	await drive('deleteRun', { params });
}

async function plain() {
	for (const by of ['', 'ByGet']) {
		await drive(`runTerminal${by}`, { query: { cmd: 'true' } });
		await drive(`runPython${by}`, { query: { code: 'print(1)' } });
		await drive(`runBrowser${by}`, { query: { url: 'data:text/html,<title>x</title>' } });
	}
}

try {
	for (const part of [service, projects, catalogue, desktops, interrupted, runs, plain]) {
		await part();
		console.log(`ok ${part.name}`);
	}
	assert.deepEqual([...operations.keys()].filter((id) => !driven.has(id)), [], 'operations that nobody drives');
	console.log(`ok ${driven.size} operations`);
} finally {
	child.kill('SIGTERM');
	await new Promise((resolve) => child.once('exit', resolve));
}
