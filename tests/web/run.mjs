// A run from its start to its end, as people see it: the demo, whose model is the stand-in.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { expectAccessible, expectFits, expectQuiet, expectWalked, openBrowser, openPage, Server, standin, waitMs } from './stage.mjs';

let server, browser, page;

before(async () => {
	server = await Server.start();
	browser = await openBrowser();
	page = await openPage(browser);
	await page.goto(server.url);
});

after(async () => {
	await browser?.close();
	await server?.end();
});

/** A desktop goes with its run, also while somebody asks for it. */
const gone = '404';

const idOf = () => /runs\/([^/?]+)/.exec(page.url())[1];

/** Pixels of the live screen that are not all of one colour: something is seen. */
const sees = () =>
	page.waitForFunction(
		() => {
			const canvas = document.querySelector('.live-screen canvas');
			if (!canvas?.width) return false;
			const small = new OffscreenCanvas(64, 40).getContext('2d', { willReadFrequently: true });
			small.drawImage(canvas, 0, 0, 64, 40);
			const { data } = small.getImageData(0, 0, 64, 40);
			return data.some((value, i) => i % 4 !== 3 && value !== data[i % 4]);
		},
		{ timeout: waitMs },
	);

async function ask() {
	await page.goto(`${server.base}/#/runs`);
	await page.getByRole('button', { name: /New run/ }).click();
	await page.getByRole('button', { name: 'Start the demo instead' }).click();
	await page.getByRole('heading', { name: /Write the letter/ }).waitFor();
}

test('a first visit leads to a running demo in one click', async () => {
	await page.getByRole('button', { name: 'Start the demo' }).click();
	await page.getByRole('heading', { name: /Write the letter/ }).waitFor();
	await page.getByText('Working', { exact: true }).waitFor();
});

test('the desktop is seen live, and the model heard', async () => {
	await sees();
	await page.locator('.steps').getByText('I write the letter in LibreOffice Writer.').waitFor();
	await page.locator('.steps').getByText('Its first line becomes a heading.').waitFor();
	await expectAccessible(page, 'a run that goes on');
});

test('the steps can be gone back through, with what was done marked', async () => {
	await page.locator('.steps .step').nth(4).waitFor();
	const slider = page.getByLabel('Step that is shown');
	await slider.focus();
	await page.keyboard.press('Home');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('ArrowRight');
	const picture = page.getByAltText(/What the model saw before step 3/);
	await picture.waitFor();
	await page.waitForFunction(() => document.querySelector('.past-screen img').naturalWidth === 1280);
	assert.equal(await page.locator('.marks circle.over').count(), 1);
	assert.match(await slider.getAttribute('aria-valuetext'), /click at \d+, \d+/);
	await expectAccessible(page, 'a step of before');
	await page.getByRole('button', { name: 'Back to live' }).click();
	await sees();
});

test('it is paused, and goes on', async () => {
	await page.getByRole('button', { name: 'Pause' }).click();
	await page.getByText('Paused', { exact: true }).waitFor();
	await expectWalked(page, 'a run that is paused');
	await page.getByRole('button', { name: 'Go on' }).click();
	await page.getByText('Paused', { exact: true }).waitFor({ state: 'detached' });
});

test('it is told something, which it hears', async () => {
	const text = 'Mind the <b>umlauts</b> & <img src=x onerror=alert(1)>';
	await page.getByLabel('Tell the agent something').fill(text);
	await page.getByRole('button', { name: 'Send' }).click();
	await page.locator('.remark.said').filter({ hasText: text }).waitFor();
});

test('it asks before it saves, in place and in sight, and is allowed', async () => {
	const question = page.getByRole('alertdialog');
	await question.waitFor({ timeout: 3 * waitMs });
	await question.getByText(/^click at /).waitFor();
	await question.getByText('the demo shows how a run asks').waitFor();
	await page.waitForFunction(() => document.querySelector('.question-picture img')?.naturalWidth > 0);
	await page.getByText('Needs you', { exact: true }).waitFor();
	await page.waitForFunction(() => document.title.startsWith('(1) '));
	await expectAccessible(page, 'an approval');
	await expectWalked(page, 'an approval');
	await page.setViewportSize({ width: 360, height: 740 });
	await expectFits(page, 'an approval at 360 pixels');
	await page.setViewportSize({ width: 1280, height: 900 });
	await question.getByRole('button', { name: 'Allow once' }).click();
	await question.waitFor({ state: 'detached' });
	await page.getByText('A person allowed it.').waitFor();
});

test('it ends with an answer, and its pictures stay', async () => {
	await page.getByRole('button', { name: 'Delete' }).waitFor({ timeout: 2 * waitMs });
	const run = await server.call('GET', `/v1/runs/${idOf()}`);
	assert.equal(run.state, 'done', run.answer ?? run.error);
	await page.getByRole('status').getByText('I wrote the letter').waitFor();
	await page.waitForFunction(() => document.querySelector('.past-screen img')?.naturalWidth === 1280);
	await expectWalked(page, 'a run that has ended');
	await page.setViewportSize({ width: 360, height: 740 });
	await expectAccessible(page, 'a run that has ended');
	await expectFits(page, 'a run that has ended');
	await page.goto(`${server.base}/#/runs`);
	await page.waitForFunction(() => document.querySelector('.thumb img')?.naturalWidth > 0);
	await expectAccessible(page, 'runs');
	await expectFits(page, 'runs');
	await page.setViewportSize({ width: 1280, height: 900 });
	expectQuiet(page, gone);
});

test('who looks elsewhere is told by the browser; what is denied is not done', async () => {
	const here = (name) => fileURLToPath(new URL(name, import.meta.url));
	const model = await standin(here('asks.yaml'));
	const person = await openPage(browser);
	// A browser without a screen shows no notifications: what it is asked for is kept.
	await person.addInitScript(() => {
		window.told = [];
		window.Notification = class {
			static permission = 'granted';
			constructor(title, { body }) {
				window.told.push(this);
				Object.assign(this, { title, body, close() {} });
			}
		};
		Object.defineProperty(document, 'hidden', { get: () => window.isAway === true });
	});
	await person.goto(server.login());
	await person.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	await person.evaluate(() => (window.isAway = true));
	const run = await server.call('POST', '/v1/runs', {
		task: 'Type a word.',
		settings: { model: 'standin', api: 'chat', base_url: model.url, policy: here('asks-policy.yaml') },
	});
	await person.waitForFunction(() => window.told.length > 0);
	assert.deepEqual(await person.evaluate(() => [window.told.length, window.told[0].title]), [
		1,
		'A run wants your approval',
	]);
	await person.evaluate(() => {
		window.isAway = false;
		window.told[0].onclick();
	});
	const question = person.getByRole('alertdialog');
	await question.getByText('a person is to deny it').waitFor();
	await question.getByRole('button', { name: 'Deny' }).click();
	await person.getByText('A person denied it.').waitFor();
	await person.getByText('Gave up', { exact: true }).waitFor();
	await person.getByRole('status').getByText('I stopped, for I may not type here.').waitFor();
	assert.equal((await server.call('GET', `/v1/runs/${run.id}`)).state, 'gave_up');
	expectQuiet(person, gone);
	await person.context().close();
	model.end();
});

test('a run is cancelled, and deleted', async () => {
	await ask();
	await sees();
	await page.getByRole('button', { name: 'Cancel' }).click();
	await expectAccessible(page, 'a question before a run is cancelled');
	await expectWalked(page, 'a question before a run is cancelled');
	await page.getByRole('button', { name: 'Cancel the run' }).click();
	await page.getByText('Interrupted', { exact: true }).waitFor();
	await page.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('button', { name: 'Delete it' }).click();
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	expectQuiet(page, gone);
});
