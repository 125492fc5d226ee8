// Starts the stand-in and lets every SDK play the script: plain, as a stream, and after an error
// that the SDK itself is to retry.
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import readline from 'node:readline';
import * as apis from './apis.mjs';

const [standin, script] = process.argv.slice(2);

async function withStandin(options, use) {
	const child = spawn(standin, ['--script', script, '--quiet', ...options], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const [line] = await new Promise((resolve, reject) => {
		child.on('exit', (status) => reject(new Error(`cua-standin ended with ${status}`)));
		readline.createInterface({ input: child.stdout }).once('line', (text) => resolve([text]));
	});
	try {
		await use(`http://127.0.0.1:${line.split(':').pop()}`);
	} finally {
		child.removeAllListeners('exit');
		child.kill();
	}
}

/* What each API must have said by its end. */
function check(name, played) {
	assert.deepEqual(played.functions, [['open_app', { name: 'Editor' }]], name);
	assert.ok(played.words.includes('Hello Zoë.'), `${name}: ${played.words}`);
	assert.deepEqual(played.actions, ['click', 'type'], name);
	assert.ok(played.answer.includes('All done.'), `${name}: ${played.answer}`);
	assert.ok(played.tokens > 0, `${name}: no usage`);
}

await withStandin([], async (base) => {
	for (const [name, play] of Object.entries(apis.plays)) {
		for (const stream of [false, true]) {
			check(`${name} ${stream ? 'streamed' : 'plain'}`, await play(base, stream));
			console.log(`ok ${name} ${stream ? 'streamed' : 'plain'}`);
		}
	}
	for (const [name, refuse] of Object.entries(apis.refusals)) {
		await refuse(base);
		console.log(`ok ${name} refused`);
	}
});
for (const [name, play] of Object.entries(apis.plays)) {
	await withStandin(['--fault', 'status=503,retry-after-ms=1'], async (base) => {
		check(`${name} retried`, await play(base, true));
		console.log(`ok ${name} retried`);
	});
}
for (const name of ['messages', 'thread']) {
	await withStandin(['--fault', 'end=pause_turn,at=2,times=2'], async (base) => {
		check(`${name} paused`, await apis.plays[name](base, true));
		console.log(`ok ${name} paused`);
	});
}
