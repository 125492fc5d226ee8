// mcp_conformance_server behind a URL, for the conformance suite, which knows HTTP alone. It sends on
// what it gets: all that the suite looks at is decided there.
//
//   node conformance_bridge.mjs SERVER PROGRAM [ARGUMENT...]     an argument URL is that of the server
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [server, program, ...args] = process.argv.slice(2);
const child = spawn(server, { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
let count = 0;
createInterface({ input: child.stdout }).on('line', (line) => {
	const part = JSON.parse(line);
	waiting.get(part.number)?.(part);
});
const say = (part) => child.stdin.write(`${JSON.stringify(part)}\n`);

async function handle(request, response) {
	let body = '', only;
	for await (const part of request)
		body += part;
	if (request.method !== 'POST' && request.method !== 'GET')
		return response.writeHead(405).end();
	const number = ++count, { port } = http.address(), { method, headers } = request;
	const begin = () => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
	response.on('close', () => {
		if (waiting.delete(number))
			say({ number, gone: true });
	});
	waiting.set(number, ({ message, status, session, end }) => {
		// What comes before the answer cannot wait for it: it may be a question.
		if (message?.method && !response.headersSent)
			begin();
		if (message && response.headersSent)
			return response.write(`data: ${JSON.stringify(message)}\n\n`);
		if (message)
			return only = message;
		if (method === 'GET' && status === 200)
			return begin();
		waiting.delete(number);
		if (end || response.headersSent)
			return response.end();
		response.writeHead(status, { 'Content-Type': 'application/json',
			...session && { 'Mcp-Session-Id': session } }).end(only && JSON.stringify(only));
	});
	say({ number, port, method, headers, body });
}

const http = createServer((request, response) => handle(request, response).catch((error) =>
	response.writeHead(500).end(String(error))));
http.listen(0, '127.0.0.1', () => {
	const url = `http://127.0.0.1:${http.address().port}/mcp`;
	const words = args.map((word) => word === 'URL' ? url : word);
	spawn(program, words, { stdio: 'inherit' }).on('exit', (code) => {
		child.kill();
		process.exit(code ?? 1);
	});
});
