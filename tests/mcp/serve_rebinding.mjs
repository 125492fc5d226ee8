// /mcp of `cua serve` and the scenario of the conformance suite that is about a server's Host and Origin.
// The suite knows no tokens: what it sends goes through here, which adds one, and changes nothing else but
// the port, where Host and Origin name that of this script.
//
//   node serve_rebinding.mjs CUA
import { execFileSync, spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { createInterface } from 'node:readline';

const cua = process.argv[2];
const server = spawn(cua, ['serve', '--port=0', '--spares=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const line = await new Promise((resolve) => createInterface(server.stdout).once('line', resolve));
const { port } = new URL(line.replace(/#.*/, ''));
const token = execFileSync(cua, ['serve', 'token', 'rebinding', '--scopes=watch'], { encoding: 'utf8' }).trim();

const between = createServer((from, answer) => {
	const own = `127.0.0.1:${between.address().port}`;
	const headers = { ...from.headers, authorization: `Bearer ${token}` };
	for (const name of ['host', 'origin'])
		headers[name] = headers[name]?.replace(own, `127.0.0.1:${port}`);
	const to = request({ host: '127.0.0.1', port, path: from.url, method: from.method, headers }, (got) => {
		answer.writeHead(got.statusCode, got.headers);
		got.pipe(answer);
	});
	to.on('error', (error) => answer.destroy(error));
	from.pipe(to);
});
await new Promise((resolve) => between.listen(0, '127.0.0.1', resolve));

let status = 0;
for (const revision of ['2025-11-25', '2026-07-28']) {
	const suite = spawn('conformance', ['server', '--url', `http://127.0.0.1:${between.address().port}/mcp`,
		'--scenario', 'dns-rebinding-protection', '--spec-version', revision], { stdio: 'inherit' });
	const code = await new Promise((resolve) => suite.once('exit', resolve));
	if (code !== 0)
		status = 1;
	else
		console.log(`ok ${revision}`);
}
server.kill('SIGTERM');
between.close();
between.closeAllConnections();
process.exitCode = status;
