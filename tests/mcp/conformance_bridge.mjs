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
	waiting.get(part.number)(part);
	if (part.status)
		waiting.delete(part.number);
});

async function handle(request, response) {
	let body = '';
	for await (const part of request)
		body += part;
	if (request.method !== 'POST')
		return response.writeHead(405).end();
	const number = ++count;
	let only;
	waiting.set(number, ({ message, status, session }) => {
		// What comes before the answer cannot wait for it: it may be a question.
		if (message?.method && !response.headersSent)
			response.writeHead(200, { 'Content-Type': 'text/event-stream' });
		if (message && response.headersSent)
			response.write(`data: ${JSON.stringify(message)}\n\n`);
		else if (message)
			only = message;
		else if (response.headersSent)
			response.end();
		else
			response.writeHead(status, { 'Content-Type': 'application/json',
				...session && { 'Mcp-Session-Id': session } }).end(only && JSON.stringify(only));
	});
	const { port } = http.address();
	const { method, headers } = request;
	child.stdin.write(`${JSON.stringify({ number, port, method, headers, body })}\n`);
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
