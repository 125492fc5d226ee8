// People and an agent at the same desktop: a terminal, two who watch, one who takes it and gives it back, a server
// that dies in between; a run that is interrupted; and a model whose words look like markup.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { expectAccessible, expectFits, expectQuiet, expectWalked, openBrowser, openPage, Server, standin, watched, workedOn } from './stage.mjs';

let server, model, browser, ann, ben, run;

const task = 'Greet <img src=x onerror=alert(1)> and wait for <script>alert(2)</script>.';
// Where a server is killed, its connections are; and a desktop goes with its run.
const outage = ['net::ERR_', 'WebSocket', 'Connection closed', '404', 'Failed to load resource'];

before(async () => {
	server = await Server.start();
	model = await standin(fileURLToPath(new URL('people.yaml', import.meta.url)));
	browser = await openBrowser();
	run = await server.call('POST', '/v1/runs', {
		task,
		settings: { model: 'standin', api: 'chat', base_url: model.url },
	});
	[ann, ben] = await Promise.all([openPage(browser), openPage(browser)]);
	for (const person of [ann, ben]) {
		person.on('dialog', (dialog) => assert.fail(`a script ran: ${dialog.message()}`));
		await person.goto(server.login());
		await person.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
		await person.goto(`${server.base}/#/runs/${run.id}`);
	}
});

after(async () => {
	await browser?.close();
	await server?.end();
	model?.end();
});

test('what a model says and a task holds is text', async () => {
	await ann.getByRole('heading', { name: task }).waitFor();
	await ann.locator('.steps').getByText('I open <b>a terminal</b> <img src=x onerror=alert(3)><script>').waitFor();
	assert.equal(await ann.locator('main b:has-text("a terminal"), main img[src="x"], main script').count(), 0);
});

test('two people see the same desktop', async () => {
	await Promise.all([watched(ann, 1280), watched(ben, 1280)]);
});

test('a shell on the desktop is typed in', async () => {
	await ann.getByRole('button', { name: 'Terminal' }).click();
	const terminal = ann.getByRole('group', { name: /A shell on/ });
	await terminal.locator('.xterm-screen').waitFor();
	await ann.waitForFunction(() => document.querySelector('.xterm-rows')?.textContent.includes('$'));
	await ann.keyboard.type('echo shell-$((6*7)) > shell.txt; cat shell.txt\n');
	await ann.waitForFunction(() => document.querySelector('.xterm-rows').textContent.includes('shell-42'));
	await expectAccessible(ann, 'a terminal');
	await ann.setViewportSize({ width: 360, height: 740 });
	await expectFits(ann, 'a terminal');
	await ann.setViewportSize({ width: 1280, height: 900 });
	await ann.keyboard.type('exit\n');
	await ann.getByText('The shell has ended').waitFor();
	await ann.getByRole('button', { name: 'Desktop' }).click();
	expectQuiet(ann);
});

test('after a SIGKILL of the server the page is where it was', async () => {
	await server.again();
	await Promise.all([watched(ann, 1280), watched(ben, 1280)]);
	await ann.getByText('Working', { exact: true }).waitFor();
	await ann.getByText('The server cannot be reached').waitFor({ state: 'detached' });
	expectQuiet(ann, ...outage);
	expectQuiet(ben, ...outage);
});

test('a run is interrupted: it waits for words, or has them at once', async () => {
	const steps = ann.locator('.steps');
	// By now it waits for what is to stand on the screen, and nothing is half done when that is broken off.
	await steps.getByText(/^wait/).first().waitFor();
	await ann.getByRole('button', { name: 'Interrupt', exact: true }).click();
	await ann.getByText('Paused', { exact: true }).waitFor();
	await steps.getByText('A person interrupted the run.').first().waitFor();
	await ben.getByText('Paused', { exact: true }).waitFor();
	const tell = ann.getByLabel('Tell the agent something');
	await tell.fill('Go on with the greeting.');
	await ann.getByRole('button', { name: 'Send' }).click();
	await steps.locator('.remark.said').filter({ hasText: 'Go on with the greeting.' }).waitFor();
	await ann.getByText('Working', { exact: true }).waitFor();
	await tell.fill('Greet them by name.');
	await ann.getByRole('button', { name: 'Interrupt and say' }).click();
	await ann.getByText('It was interrupted, and told: Greet them by name.').waitFor();
	await steps.locator('.remark.said').filter({ hasText: 'Greet them by name.' }).waitFor();
	await ann.getByText('Working', { exact: true }).waitFor();
	await expectAccessible(ann, 'a run that was interrupted');
	expectQuiet(ann, ...outage);
});

test('one person takes the desktop, the other sees who has it', async () => {
	await ann.getByRole('button', { name: 'Take over' }).click();
	await ann.getByText('Yours', { exact: true }).waitFor();
	await ben.getByText(/has the desktop; the agent waits/).waitFor();
	await ben.getByRole('button', { name: 'Ask for the desktop' }).click();
	await ann.getByText(/asks for the desktop/).waitFor();
	await expectAccessible(ann, 'a desktop that was taken');
	await expectAccessible(ben, 'a desktop that another has');
	// The run is at work, but no step comes while a person has its desktop.
	await expectWalked(ben, 'a desktop that another has');
});

async function giveBack(person, note) {
	await person.getByRole('button', { name: 'Give back' }).click();
	await person.getByLabel('What the agent should know').fill(note);
	await person.getByRole('dialog').getByRole('button', { name: 'Give back' }).click();
}

test('what is typed reaches the desktop, and the agent goes on when all have given it back', async () => {
	const screen = ann.locator('.live-screen canvas');
	await workedOn(ann, 1280);
	await screen.click({ position: { x: 250, y: 150 } });
	// What the run waits for is HARBOUR REACHED, which is not on the screen before it is given back.
	await ann.keyboard.type('until [ -e /tmp/go ]; do sleep 0.2; done; echo SEFSQk9VUiBSRUFDSEVE | base64 -d\n');
	await ann.getByRole('button', { name: 'Give back' }).click();
	await expectAccessible(ann, 'giving back');
	await expectWalked(ann, 'giving back');
	await ann.keyboard.press('Escape');
	await giveBack(ann, 'It is typed.');
	await ann.getByText('Live', { exact: true }).waitFor();
	// Who has asked for it has it next; the agent waits for both.
	await ben.getByText('Yours', { exact: true }).waitFor();
	await ann.getByText(/has the desktop; the agent waits/).waitFor();
	await giveBack(ben, 'I have looked at it.');
	// Each of them says something to the model.
	await ann.locator('.steps').getByText(/It is typed.*I have looked at it/).waitFor({ state: 'attached' });
	const { now } = await server.call('GET', `/v1/runs/${run.id}`);
	await server.call('POST', `/v1/desktops/${now.desktop}/exec`, { command: ['touch', '/tmp/go'] });
	await ann.getByText('Done', { exact: true }).waitFor();
	await ann.getByRole('status').getByText('A person <i>was</i> here. <img src=x onerror=alert(5)>').waitFor();
	await ben.getByText('Done', { exact: true }).waitFor();
	expectQuiet(ann, ...outage);
	expectQuiet(ben, ...outage);
});
