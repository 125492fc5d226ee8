// Every view: by what stands in it, by axe in both themes and at 360 pixels, and by what a person does there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { expectAccessible, expectFits, expectQuiet, expectTold, expectWalked, focused, openBrowser, openPage, Server, until } from './stage.mjs';

const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';

let server, browser, page;

const view = (where) => page.goto(`${server.base}/#/${where}`);

before(async () => {
	server = await Server.start();
	browser = await openBrowser();
	page = await openPage(browser, { acceptDownloads: true });
	page.on('dialog', (dialog) => assert.fail(`a script ran: ${dialog.message()}`));
	await page.goto(server.url);
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
});

after(async () => {
	await browser?.close();
	await server?.end();
});

test('a project is made, worked with and deleted', async () => {
	await view('projects');
	await page.getByRole('button', { name: 'New project' }).click();
	await page.getByLabel('Name').fill(`Harbour ${evil}`);
	await page.getByRole('button', { name: 'Make it' }).click();
	await page.getByRole('heading', { name: `Harbour ${evil}` }).waitFor();
	await page.getByLabel('Steps at most').fill('12');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('Saved.').waitFor();
	await page.reload();
	assert.equal(await page.getByLabel('Steps at most').inputValue(), '12');
	await page.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('button', { name: 'Delete it' }).click();
	await page.getByRole('heading', { name: 'Projects', level: 1 }).waitFor();
	expectQuiet(page);
});

test('files go up and come down as they were, and no name of one is markup', async () => {
	const bytes = Buffer.alloc(3 << 20, 0).map((_, i) => (i * 31) & 255);
	await view('projects/default');
	await page
		.getByLabel('Files to upload')
		.setInputFiles({ name: 'large.bin', mimeType: 'application/octet-stream', buffer: bytes });
	await page.getByRole('rowheader', { name: 'large.bin' }).waitFor();
	const name = encodeURIComponent('<img src=x onerror=alert(1)>.txt');
	await server.call('PUT', `/v1/projects/default/files/content?path=${name}`, 'text');
	await page.reload();
	await page.getByText('<img src=x onerror=alert(1)>.txt').waitFor();
	const [download] = await Promise.all([
		page.waitForEvent('download'),
		page.getByRole('button', { name: 'Download large.bin' }).click(),
	]);
	assert.ok(readFileSync(await download.path()).equals(bytes));

	await page.getByRole('button', { name: 'New folder' }).click();
	await page.getByLabel('Name of the folder').fill('letters');
	await page.getByRole('button', { name: 'Make it' }).click();
	await page.getByRole('button', { name: 'letters', exact: true }).click();
	await page.getByText('No files here yet').waitFor();
	await page.getByRole('button', { name: 'Files', exact: true }).click();
	await page.getByRole('button', { name: 'Delete large.bin' }).click();
	await page.getByRole('button', { name: 'Delete it' }).click();
	await page.getByRole('rowheader', { name: 'large.bin' }).waitFor({ state: 'detached' });
	expectQuiet(page);
});

test('all files are backed up, and come back', async () => {
	await server.call('PUT', '/v1/projects/default/files/content?path=letter.txt', 'Dear captain');
	await view('projects/default');
	const [archive] = await Promise.all([
		page.waitForEvent('download'),
		page.getByRole('button', { name: 'Back up all' }).click(),
	]);
	assert.equal(archive.suggestedFilename(), 'default.tar');
	await server.call('DELETE', '/v1/projects/default/files?path=letter.txt');
	await page.getByLabel('Archive to restore').setInputFiles(await archive.path());
	await expectTold(page, /^Restored: 2 files/);
	await page.getByRole('rowheader', { name: 'letter.txt' }).waitFor();
	await page.getByRole('rowheader', { name: /restore-/ }).waitFor({ state: 'detached' });
	await page.getByLabel('Archive to restore').setInputFiles({
		name: 'none.tar',
		mimeType: 'application/x-tar',
		buffer: Buffer.from('this is no archive'),
	});
	await page.getByRole('alert').waitFor();
	expectQuiet(page, '400', '422');
});

test('who gets no answer for long is told', async () => {
	const person = await openPage(browser);
	await person.goto(server.login());
	await person.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	await person.clock.install();
	for (const silent of ['**/v1/templates*', '**/v1/projects']) await person.route(silent, () => {});
	const asked = person.waitForRequest('**/v1/templates*');
	await person.goto(`${server.base}/#/templates`);
	await asked;
	await person.clock.fastForward(61000);
	await person.getByRole('alert').getByText('The server has not answered for 1 min.').waitFor();
	await person.goto(`${server.base}/#/projects`);
	await person.getByRole('button', { name: 'New project' }).click();
	await person.getByLabel('Name').fill('Silence');
	const begun = person.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/v1/projects'));
	await person.getByRole('button', { name: 'Make it' }).click();
	await begun;
	await person.clock.fastForward(241000);
	await person.getByRole('dialog').getByText(/look before you ask again/).waitFor();
	await person.context().close();
});

test('a key is set, and never shown', async () => {
	await view('models');
	await page.getByRole('button', { name: 'Set a key of openai' }).click();
	await page.getByLabel('Value').fill('sk-not-a-real-key-0123456789');
	await page.getByRole('button', { name: 'Keep it' }).click();
	await page.getByRole('rowheader', { name: 'OPENAI_API_KEY' }).waitFor();
	assert.doesNotMatch(await page.content(), /sk-not-a-real/);
	await page.getByRole('button', { name: 'Delete OPENAI_API_KEY' }).click();
	await page.getByRole('button', { name: 'Delete it' }).click();
	await page.getByRole('rowheader', { name: 'OPENAI_API_KEY' }).waitFor({ state: 'detached' });
	expectQuiet(page);
});

test('a token is told once, works, and is revoked', async () => {
	await view('settings');
	await page.getByRole('button', { name: 'New token' }).click();
	await page.getByLabel('Whose it is').fill(evil);
	await page.getByRole('button', { name: 'Make it' }).click();
	const token = await page.locator('dialog .mono').textContent();
	const ask = () => fetch(`${server.base}/v1/runs`, { headers: { Authorization: `Bearer ${token}` } });
	assert.equal((await ask()).status, 200);
	await page.getByRole('button', { name: 'Close' }).click();
	await page.getByRole('button', { name: `Revoke the token of ${evil}` }).click();
	await page.getByRole('button', { name: 'Revoke it' }).click();
	await page.getByRole('rowheader', { name: evil }).waitFor({ state: 'detached' });
	assert.equal((await ask()).status, 401);
	expectQuiet(page);
});

test('a server of tools is added, says what is wrong with it, and is removed', async () => {
	await view('tools');
	await page.getByRole('button', { name: 'New server' }).click();
	await page.getByLabel('Name', { exact: true }).fill('papers');
	await page.getByLabel('Command or address').fill('/nowhere/server "a b"');
	await page.getByRole('button', { name: 'Add it' }).click();
	await page.getByRole('button', { name: 'Test papers' }).click();
	await page.getByRole('alert').waitFor();
	await page.getByRole('button', { name: 'Remove papers' }).click();
	await page.getByRole('button', { name: 'Remove it' }).click();
	await page.getByText('No MCP servers yet').waitFor();
	expectQuiet(page);
});

test('a webhook is added and removed', async () => {
	await view('settings');
	await page.getByLabel('Address of another').fill('http://127.0.0.1:9/hook');
	await page.getByRole('button', { name: 'Add', exact: true }).click();
	await page.getByRole('button', { name: 'Remove http://127.0.0.1:9/hook' }).click();
	await page.getByText('http://127.0.0.1:9/hook').waitFor({ state: 'detached' });
	expectQuiet(page);
});

test('the theme is that of the system, until somebody chooses', async () => {
	await view('settings');
	const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const light = await ground();
	await page.getByLabel('Colours').selectOption('dark');
	assert.notEqual(await ground(), light);
	await page.reload();
	await page.getByLabel('Colours').waitFor();
	assert.notEqual(await ground(), light);
	await page.getByLabel('Colours').selectOption('system');
	assert.equal(await ground(), light);
	expectQuiet(page);
});

test('all of it works by the keyboard', async () => {
	const { keyboard } = page;
	await view('runs');
	await page.reload();
	await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	await keyboard.press('Tab');
	assert.equal(await focused(page), 'Skip to the content');
	await keyboard.press('Enter');
	assert.equal(await focused(page), 'main');
	await keyboard.press('Tab');
	assert.match(await focused(page), /New run/);
	await keyboard.press('Enter');
	await page.getByRole('dialog').waitFor();
	await page.getByLabel('Task').focus();
	await keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
	await until('the focus back', async () => /New run/.test(await focused(page)));
	expectQuiet(page);
});

test('the focus stays where something is done, and is not lost with what goes', async () => {
	const { keyboard } = page;
	await view('projects');
	await page.getByRole('button', { name: 'New project' }).focus();
	await keyboard.press('Enter');
	await page.getByLabel('Name').fill('By hand');
	await keyboard.press('Enter');
	await page.getByRole('heading', { name: 'By hand' }).waitFor();
	await until('the focus on the view', async () => (await focused(page)) === 'main');
	await page.getByRole('button', { name: 'Save' }).focus();
	await keyboard.press('Enter');
	await page.getByText('Saved.').waitFor();
	assert.equal(await focused(page), 'Save');
	await page.getByRole('button', { name: 'Delete' }).focus();
	await keyboard.press('Enter');
	await page.getByRole('button', { name: 'Keep it' }).focus();
	await keyboard.press('Enter');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
	await until('the focus back', async () => (await focused(page)) === 'Delete');
	await keyboard.press('Enter');
	await page.getByRole('button', { name: 'Delete it' }).focus();
	await keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Projects', level: 1 }).waitFor();
	await until('the focus on the view', async () => (await focused(page)) === 'main');
	expectQuiet(page);
});

const views = [
	['runs', 'Runs'],
	['desktops', 'Desktops'],
	['projects', 'Projects'],
	['projects/default', 'default'],
	['templates', 'Templates'],
	['models', 'Models and keys'],
	['tools', 'MCP servers'],
	['usage', 'Usage and cost'],
	['settings', 'Settings'],
	['nowhere', 'Not found'],
];

test('every view is accessible in both themes, walked through by Tab, and fits from 360 to 1920 pixels', async () => {
	for (const [where, title] of views) {
		await page.setViewportSize({ width: 1920, height: 1080 });
		await view(where);
		await page.getByRole('heading', { name: title, level: 1 }).waitFor();
		await page.waitForLoadState('networkidle');
		await expectAccessible(page, where);
		await expectWalked(page, where);
		await expectFits(page, `${where} at 1920 pixels`);
		await page.setViewportSize({ width: 360, height: 740 });
		await expectAccessible(page, `${where} at 360 pixels`);
		await expectFits(page, `${where} at 360 pixels`);
	}
	expectQuiet(page);
});

const dialogs = [
	['runs', 'New run'],
	['projects', 'New project'],
	['models', 'Set a key of openai'],
	['tools', 'New server'],
	['settings', 'New token'],
];

test('so is every dialog', async () => {
	await page.setViewportSize({ width: 360, height: 740 });
	for (const [where, name] of dialogs) {
		await view(where);
		const opener = page.getByRole('button', { name });
		await opener.focus();
		await page.keyboard.press('Enter');
		await page.getByRole('dialog').waitFor();
		await expectAccessible(page, name);
		await expectWalked(page, name);
		await expectFits(page, name);
		await page.keyboard.press('Escape');
		await page.getByRole('dialog').waitFor({ state: 'detached' });
		await until(`the focus back, ${name}`, () => opener.evaluate((element) => element === document.activeElement));
	}
	expectQuiet(page);
});
