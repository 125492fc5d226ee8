// cua serve, a browser before it, and what every test of the page holds against: nothing on the console, no
// violation of the content security policy, no finding of axe.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const cua = process.env.CUA_TEST_PROGRAM;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const sources = process.env.CUA_TEST_SOURCES;
export const waitMs = 60000;

export const command = (...words) => execFileSync(cua, words, { encoding: 'utf8' }).trim();

/** A program that says on its first line that it is ready. */
async function begin(program, words, env = {}) {
	const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
	const line = await new Promise((resolve, reject) => {
		createInterface(child.stdout).once('line', resolve);
		child.once('exit', (status) => reject(new Error(`${program} ended with ${status}`)));
	});
	return { child, line };
}

const ended = (child) =>
	child.exitCode !== null || child.signalCode !== null
		? Promise.resolve()
		: new Promise((resolve) => child.once('exit', resolve));

/** What nothing tells of: asked for again and again, with a deadline. */
export async function until(what, holds) {
	const deadline = Date.now() + waitMs;
	while (!(await holds())) {
		if (Date.now() > deadline) throw new Error(`waited ${waitMs} ms for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

export class Server {
	/** env: of a server beside another, which has folders of its own. */
	static async start(env) {
		const server = new Server();
		server.env = env;
		await server.begin(0);
		return server;
	}

	async begin(port) {
		const { child, line } = await begin(cua, ['serve', '--print-login', '--spares=0', `--port=${port}`], this.env);
		this.child = child;
		this.url = line;
		this.base = line.replace(/\/#.*/, '');
		this.port = new URL(line).port;
	}

	/** With it the runs that still go on, and the model of its demos. */
	async end() {
		await until('the end of all runs', async () => {
			const { items } = await this.call('GET', '/v1/runs');
			const open = items.filter((run) => run.ended_ms === null);
			// One that is just being started cannot be cancelled yet.
			for (const { id } of open) await this.call('POST', `/v1/runs/${id}/cancel`).catch(() => {});
			return open.length === 0;
		});
		await this.stop('SIGTERM');
	}

	async stop(signal) {
		this.child.kill(signal);
		await ended(this.child);
	}

	/** SIGKILL, and another one on the same folder and port. */
	async again() {
		await this.stop('SIGKILL');
		await this.begin(this.port);
	}

	/** A URL that logs one more browser in. */
	login() {
		return `${this.base}/${command('serve', 'login')}`;
	}

	/** As a program, with a token of an admin. */
	async call(method, path, body) {
		this.token ??= command('serve', 'token', 'test', '--scopes=admin');
		const response = await fetch(this.base + path, {
			method,
			headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
			body: body && JSON.stringify(body),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return text ? JSON.parse(text) : undefined;
	}
}

/** The stand-in model, playing a script of this folder. */
export async function standin(script) {
	const { child, line } = await begin(cua.replace(/cua$/, 'cua-standin'), ['--script', script, '--quiet']);
	return { url: `http://127.0.0.1:${line.split(':').pop()}/v1`, end: () => child.kill('SIGTERM') };
}

export async function openBrowser() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		chromiumSandbox: process.getuid() !== 0,
		args: ['--disable-dev-shm-usage'],
	});
}

/** A person: a browser of its own, without anybody's cookies. */
export async function openPage(browser, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(waitMs);
	page.complaints = [];
	page.underWay = new Set();
	page.on('request', (request) => page.underWay.add(request));
	for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => page.underWay.delete(request));
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
	});
	page.on('pageerror', (error) => page.complaints.push(String(error)));
	return page;
}

/** Nothing was complained of but what a test brings about itself: requests of these statuses. */
export function expectQuiet(page, ...expected) {
	const left = page.complaints.filter((text) => !expected.some((known) => text.includes(known)));
	page.complaints.length = 0;
	assert.deepEqual(left, []);
}

/** A view says how something ended, and when it does not, what it still waits for. */
export async function expectTold(page, words) {
	const told = page.locator('main .notice');
	await told.first().waitFor().catch(async () => {
		const waits = [...page.underWay].map((request) => `${request.method()} ${request.url()}`);
		const shown = await page.locator('main').innerText();
		assert.fail(`nothing was told; requests under way: ${waits.join(', ')}; shown: ${shown}`);
	});
	assert.match(await told.first().innerText(), words);
}

/** The live screen of a desktop is there, so wide: to be watched, or worked on. */
const screenIs = (role) => (page, width) =>
	page.waitForFunction(
		([role, width]) => document.querySelector(`.live-screen canvas[role=${role}]`)?.width === width,
		[role, width],
	);
export const watched = screenIs('img');
export const workedOn = screenIs('application');

/** WCAG 2.1 A and AA, of the view as it is now; where it is light, its colours when it is dark as well. */
export async function expectAccessible(page, what) {
	const isDark = () => page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
	await check(page, what, ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']);
	if (await isDark()) return;
	await page.emulateMedia({ colorScheme: 'dark' });
	await check(page, `${what}, dark`, ['color-contrast']);
	await page.emulateMedia({ colorScheme: 'light' });
}

async function check(page, what, rules) {
	// In a world of its own: the page's policy lets no script in from outside.
	const session = await page.context().newCDPSession(page);
	const { frameTree } = await session.send('Page.getFrameTree');
	const { executionContextId } = await session.send('Page.createIsolatedWorld', {
		frameId: frameTree.frame.id,
		worldName: 'axe',
	});
	await session.send('Runtime.evaluate', { expression: axe, contextId: executionContextId });
	const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
		expression: `axe.run(document, { runOnly: ${JSON.stringify(rules)} })
			.then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' +
				nodes.map((node) => node.target + ' ' + node.failureSummary).join('; ')))`,
		contextId: executionContextId,
		awaitPromise: true,
		returnByValue: true,
	});
	await session.detach();
	assert.equal(exceptionDetails, undefined);
	assert.deepEqual(result.value, [], what);
}

/** Names of what Tab is to lead to, the first of which gets the focus. isSame: as it was when asked before. */
const controlsOf = (page) =>
	page.evaluate(() => {
		const root = document.querySelector('dialog[open]') ?? document;
		const all = [...root.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')];
		const controls = all.filter((element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility());
		const isSame = controls.length === window.walked?.length && controls.every((each, i) => each === window.walked[i]);
		window.walked = controls;
		controls[0].focus();
		return { isSame, names: controls.map((each) => (each.getAttribute('aria-label') || each.innerText || each.id).slice(0, 40)) };
	});

/** undefined: all of them, in their order, and each shows that it has the focus. */
async function walk(page, names) {
	// What a script focuses after a click shows it to nobody, as long as no key was pressed.
	await page.keyboard.press('Tab');
	await page.keyboard.press('Shift+Tab');
	for (const [at, name] of names.entries()) {
		const [index, isSeen] = await page.evaluate(() => {
			const element = document.activeElement;
			const { outlineStyle, outlineWidth } = getComputedStyle(element);
			return [window.walked.indexOf(element), element.matches(':focus-visible') && outlineStyle !== 'none' && outlineWidth !== '0px'];
		});
		if (index !== at) return `in the place of ${name} Tab leads to ${names[index] ?? 'something else'}`;
		if (!isSeen) return `${name} does not show that it has the focus`;
		await page.keyboard.press('Tab');
	}
	return undefined;
}

/** Tab leads to every control of the page, or of the dialog before it; once nothing comes in between. */
export async function expectWalked(page, what) {
	let wrong;
	await until(`${what}, as it stays`, async () => {
		const { names } = await controlsOf(page);
		wrong = names.length > 1 ? await walk(page, names) : 'there are no controls';
		return (await controlsOf(page)).isSame;
	});
	assert.equal(wrong, undefined, `${what}: ${wrong}`);
}

/** What has the focus, in words; '' for nothing. */
export const focused = (page) =>
	page.evaluate(() => {
		const element = document.activeElement;
		if (!element || element === document.body) return '';
		return element.id || element.getAttribute('aria-label') || element.innerText;
	});

/** Nothing is wider than the window. */
export async function expectFits(page, what) {
	const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(over <= 0, `${what} is ${over} pixels too wide`);
}
