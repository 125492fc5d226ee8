// How the page is served: its policy, its caching, its size; and who gets in.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { expectAccessible, expectFits, expectQuiet, openBrowser, openPage, Server } from './stage.mjs';

let server, browser;

before(async () => {
	server = await Server.start();
	browser = await openBrowser();
});

after(async () => {
	await browser?.close();
	await server?.end();
});

/** As it goes over the wire: fetch would undo the coding. */
const load = (path, headers = {}) =>
	new Promise((resolve, reject) => {
		const call = request(server.base + path, { headers }, (answer) => {
			const pieces = [];
			answer.on('data', (piece) => pieces.push(piece));
			answer.on('end', () =>
				resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) }),
			);
		});
		call.on('error', reject);
		call.end();
	});

const assetsOf = (html) => [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1]);

test('the policy lets in nothing but the files of the page', async () => {
	const { headers } = await load('/');
	const policy = Object.fromEntries(
		headers['content-security-policy'].split('; ').map((part) => {
			const [name, ...values] = part.split(' ');
			return [name, values.join(' ')];
		}),
	);
	assert.equal(policy['default-src'], "'none'");
	assert.equal(policy['script-src'], "'self'");
	assert.equal(policy['style-src'], "'self'");
	assert.equal(policy['connect-src'], "'self'");
	assert.equal(policy['frame-ancestors'], "'none'");
	assert.equal(policy['base-uri'], "'none'");
	assert.equal(policy['form-action'], "'none'");
	assert.equal(policy['require-trusted-types-for'], "'script'");
	assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*|https?:/);
	assert.equal(headers['x-content-type-options'], 'nosniff');
	assert.equal(headers['referrer-policy'], 'no-referrer');
});

test('files named by what is in them are kept, the page is asked for anew', async () => {
	const page = await load('/');
	assert.equal(page.headers['cache-control'], 'no-cache');
	const again = await load('/', { 'If-None-Match': page.headers.etag });
	assert.equal(again.status, 304);
	assert.equal(again.body.length, 0);
	for (const path of assetsOf(page.body.toString())) {
		const asset = await load(path);
		assert.equal(asset.status, 200, path);
		assert.match(asset.headers['cache-control'], /max-age=31536000, immutable/);
		assert.equal((await load(path, { 'If-None-Match': asset.headers.etag })).status, 304);
	}
});

test('a form is sent that the client takes, the smallest one', async () => {
	const [script] = assetsOf((await load('/')).body.toString()).filter((path) => path.endsWith('.js'));
	const sizes = {};
	for (const [accepted, coding] of [
		['', undefined],
		['gzip', 'gzip'],
		['gzip, deflate, br', 'br'],
		['br;q=0, gzip;q=0.5', 'gzip'],
	]) {
		const { headers, body } = await load(script, { 'Accept-Encoding': accepted });
		assert.equal(headers['content-encoding'], coding, accepted);
		assert.equal(headers.vary, 'accept-encoding');
		assert.ok(!Object.values(sizes).includes(headers.etag));
		sizes[coding ?? 'plain'] = body.length;
	}
	assert.ok(sizes.br < sizes.gzip && sizes.gzip < sizes.plain);
});

test('no name leads out of the files of the page', async () => {
	for (const path of ['/assets/..%2findex.html', '/assets/index.html', '/assets/%2e%2e/%2e%2e/server.db', '/assets/x.js']) {
		assert.equal((await load(path)).status, 404, path);
	}
});

test('the login of the URL is used once, and leaves the address', async () => {
	const page = await openPage(browser);
	let bytes = 0;
	const session = await page.context().newCDPSession(page);
	await session.send('Network.enable');
	session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
	await page.goto(server.url);
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	assert.doesNotMatch(page.url(), /login/);
	assert.ok(bytes < 300_000, `the first view takes ${bytes} bytes`);
	console.log(`the first view: ${bytes} bytes`);
	const [cookie] = await page.context().cookies();
	assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
	await page.reload();
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	expectQuiet(page);

	const other = await openPage(browser);
	await other.goto(server.url);
	await other.getByText('this login was used already').waitFor();
	expectQuiet(other, '401');
	await page.context().close();
	await other.context().close();
});

test('a page that is loaded anew while it logs in is logged in', async () => {
	for (const patience of [0, 10]) {
		const page = await openPage(browser);
		const begun = page.waitForRequest('**/v1/login');
		await page.goto(server.login(), { waitUntil: 'commit' });
		await begun;
		await new Promise((resolve) => setTimeout(resolve, patience));
		await page.reload();
		await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
		assert.equal(await page.getByRole('alert').count(), 0);
		assert.equal(await page.evaluate(() => sessionStorage.length), 0);
		expectQuiet(page, '401', '403');
		await page.context().close();
	}
});

test('what a browser hands to other ports opens nothing', async () => {
	const page = await openPage(browser);
	await page.goto(server.login());
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	const [{ name, value }] = await page.context().cookies();
	const own = { Cookie: `${name}=${value}`, 'Sec-Fetch-Site': 'same-origin' };
	for (const path of ['/v1/session', '/v1/runs', '/v1/events', '/v1/projects/default/backup']) {
		assert.equal((await load(path, own)).status, 403, path);
	}
	// Another tab of the same browser has what the page has kept.
	const tab = await page.context().newPage();
	await tab.goto(server.base);
	await tab.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	await tab.goto(`${server.base}/#/settings`);
	await tab.getByRole('button', { name: 'Log out' }).click();
	await tab.getByRole('heading', { name: 'Log in to cua' }).waitFor();
	assert.equal(await tab.evaluate(() => localStorage.getItem('cua-csrf')), null);
	await page.context().close();
});

test('who logs in at a server beside it stays logged in', async (t) => {
	const folders = ['state', 'run'].map((name) => join(process.env.HOME, name));
	folders.forEach((folder) => mkdirSync(folder, { mode: 0o700 }));
	const beside = await Server.start({ CUA_STATE_DIR: folders[0], CUA_RUNTIME_DIR: folders[1] });
	t.after(() => beside.stop('SIGTERM'));
	const page = await openPage(browser);
	for (const url of [server.login(), beside.url, server.base, beside.base]) {
		await page.goto(url);
		await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	}
	await page.context().close();
});

test('a login of before does no harm to who is logged in', async () => {
	const page = await openPage(browser);
	const login = server.login();
	for (let i = 0; i < 2; i++) {
		await page.goto(login);
		await page.reload();
		await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	}
	expectQuiet(page, '401', '403');
	await page.context().close();
});

test('who has no session is told how to get one, and can paste a login', async () => {
	await server.again(); // Who has guessed a few times has to wait; another server does not know of it.
	for (const options of [{}, { colorScheme: 'dark' }, { viewport: { width: 360, height: 700 } }]) {
		const page = await openPage(browser, options);
		await page.goto(server.base);
		await page.getByRole('heading', { name: 'Log in to cua' }).waitFor();
		await expectAccessible(page, 'login');
		await expectFits(page, 'login');
		await page.getByLabel('Login').fill('guess');
		await page.keyboard.press('Enter');
		await page.getByRole('alert').waitFor();
		await page.getByLabel('Login').fill(server.login());
		await page.keyboard.press('Enter');
		await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
		expectQuiet(page, '401');
		await page.context().close();
	}
});

test('the model of a demo outlives its server for its runs, and ends with the last of them', async () => {
	const file = join(process.env.CUA_STATE_DIR, 'demo/standin.json');
	await server.call('POST', '/v1/demo');
	const first = JSON.parse(readFileSync(file, 'utf8'));
	await server.stop('SIGTERM');
	const answers = () => fetch(`http://127.0.0.1:${first.port}/`);
	await answers();
	await server.begin(server.port);
	await server.call('POST', '/v1/demo');
	assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), first);
	await server.end();
	await assert.rejects(answers());
	assert.ok(!existsSync(file));
	server = undefined;
});
