// Desktops of people's own: started, seen, taken over, also in private, worked in by a terminal, begun anew and stopped.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { expectAccessible, expectFits, expectQuiet, expectWalked, focused, openBrowser, openPage, Server, until, watched, workedOn } from './stage.mjs';

let server, browser, ann, ben;

before(async () => {
	server = await Server.start();
	browser = await openBrowser();
	[ann, ben] = await Promise.all([openPage(browser, { acceptDownloads: true }), openPage(browser)]);
	await ann.context().grantPermissions(['clipboard-read', 'clipboard-write']);
	for (const person of [ann, ben]) {
		await person.goto(server.login());
		await person.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
		await person.goto(`${server.base}/#/desktops`);
	}
});

after(async () => {
	await browser?.close();
	await server?.end();
});

/** What a person sees of the desktop, as one text. */
const seen = (person) =>
	person.evaluate(() => document.querySelector('.live-screen canvas')?.toDataURL('image/webp', 0.1) ?? '');

test('a desktop is started, and others see that it is there', async () => {
	await ann.getByText('No desktops just now').waitFor();
	await ann.getByRole('button', { name: 'New desktop' }).click();
	await expectAccessible(ann, 'a new desktop');
	await expectWalked(ann, 'a new desktop');
	await ann.getByLabel('Name').fill('bench');
	await ann.getByLabel('Size').fill('800x600');
	await ann.getByRole('button', { name: 'Start it' }).click();
	await ann.getByRole('heading', { name: 'bench', level: 1 }).waitFor();
	await watched(ann, 800);
	await ben.getByRole('link', { name: /bench/ }).waitFor();
	await ben.waitForFunction(() => document.querySelector('.thumb img')?.naturalWidth > 0);
	// A screen that stands still is not sent again, and stays.
	await ben.waitForResponse((answer) => answer.url().includes('/screenshot') && answer.status() === 304);
	assert.ok(await ben.evaluate(() => document.querySelector('.thumb img')?.naturalWidth > 0));
	await expectAccessible(ben, 'desktops');
	await expectWalked(ben, 'desktops');
	await ben.setViewportSize({ width: 360, height: 740 });
	await expectFits(ben, 'desktops');
	await ben.getByRole('link', { name: /bench/ }).click();
	await watched(ben, 800);
	await expectAccessible(ben, 'a desktop');
	await expectWalked(ben, 'a desktop');
	await expectFits(ben, 'a desktop');
	await ben.setViewportSize({ width: 1280, height: 900 });
});

test('its screen is taken home as a picture', async () => {
	const [download] = await Promise.all([
		ann.waitForEvent('download'),
		ann.getByRole('button', { name: 'Screenshot' }).click(),
	]);
	assert.equal(download.suggestedFilename(), 'bench.png');
	const picture = readFileSync(await download.path());
	assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [800, 600]);
});

test('in private one sees the desktop, and the others that somebody has it', async () => {
	await until('the same picture', async () => (await seen(ann)) === (await seen(ben)));
	const before = await seen(ben);
	await ann.getByLabel('Privately').check();
	await ann.getByRole('button', { name: 'Take over' }).click();
	await ann.getByText('Yours, privately', { exact: true }).waitFor();
	await workedOn(ann, 800);
	await ben.getByText(/has the desktop/).waitFor();
	await until('a notice in the place of the screen', async () => (await seen(ben)) !== before);
	await until('the screen', async () => (await seen(ann)) === before);
	await expectAccessible(ann, 'a desktop that one has in private');
	await ann.getByRole('button', { name: 'Give back' }).click();
	await ann.getByText('Live', { exact: true }).waitFor();
	await watched(ann, 800);
	await until('the screen again', async () => (await seen(ben)) === before);
});

test('by keyboard alone it is taken, left and given back', async () => {
	await ann.getByRole('button', { name: 'Take over' }).focus();
	await ann.keyboard.press('Enter');
	await workedOn(ann, 800);
	const onScreen = () => ann.evaluate(() => document.activeElement.matches('.live-screen canvas'));
	await until('the focus on the screen', onScreen);
	await ann.keyboard.press('Tab');
	assert.ok(await onScreen(), 'Tab goes to the desktop');
	await ann.keyboard.press('Control+Alt+Shift');
	assert.equal(await onScreen(), false, 'the keyboard is let out');
	assert.notEqual(await focused(ann), '');
	await ann.getByRole('button', { name: 'Give back' }).focus();
	await ann.keyboard.press('Enter');
	await ann.getByText('Live', { exact: true }).waitFor();
	await watched(ann, 800);
	assert.notEqual(await focused(ann), '');
});

test('what is copied there is in the clipboard of who has it', async () => {
	const holds = (text) =>
		until(text, () => ann.evaluate(async (text) => (await navigator.clipboard.readText()) === text, text));
	await server.call('POST', '/v1/desktops/bench/actions', { actions: [{ action: 'clipboard_set', text: 'Δήλος' }] });
	await server.call('POST', '/v1/desktops/bench/actions', { actions: [{ action: 'open_app', name: 'xterm' }] });
	await ann.getByLabel('Privately').uncheck();
	await ann.getByRole('button', { name: 'Take over' }).click();
	await ann.getByText('Yours', { exact: true }).waitFor();
	await workedOn(ann, 800);
	await holds('Δήλος');
	await ann.locator('.live-screen canvas').click({ position: { x: 200, y: 120 } });
	await ann.keyboard.type("printf 'G\\303\\266teborg %d' $((6*7)) | xclip -selection clipboard\n");
	await holds('Göteborg 42');
	await ann.getByRole('button', { name: 'Give back' }).click();
	await ann.getByText('Live', { exact: true }).waitFor();
});

test('it is begun anew, and stopped', async () => {
	await ann.getByRole('button', { name: 'Terminal' }).click();
	await ann.waitForFunction(() => document.querySelector('.xterm-rows')?.textContent.includes('$'));
	await ann.keyboard.type('echo shell-$((6*7)) > here.txt; cat here.txt\n');
	await ann.waitForFunction(() => document.querySelector('.xterm-rows').textContent.includes('shell-42'));
	await ann.keyboard.press('Control+Alt+Shift');
	assert.equal(await ann.evaluate(() => document.activeElement.closest('.terminal-box')), null);
	await ann.getByRole('button', { name: 'Reset' }).click();
	await expectWalked(ann, 'a question before a desktop is begun anew');
	await ann.getByRole('button', { name: 'Reset it' }).click();
	await ann.getByRole('dialog').waitFor({ state: 'detached' });
	const { output } = await server.call('POST', '/v1/desktops/bench/exec', { command: ['ls'] });
	assert.doesNotMatch(output, /here.txt/);
	await ann.getByRole('button', { name: 'Stop' }).click();
	await expectAccessible(ann, 'a question');
	await ann.getByRole('button', { name: 'Stop it' }).click();
	await ann.getByText('No desktops just now').waitFor();
	await ben.getByText('No such desktop just now').waitFor();
	// It goes, and comes, while its picture or its screen are asked for.
	for (const person of [ann, ben]) expectQuiet(person, '404', '503', 'WebSocket', 'Connection closed');
});
