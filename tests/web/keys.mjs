// Keys of every kind, pressed in the page, as an X client on the desktop gets them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { expectQuiet, openBrowser, openPage, Server, until, workedOn } from './stage.mjs';

const cua = process.env.CUA_TEST_PROGRAM;
const inside = (words, input) =>
	execFileSync(cua, ['desktop', 'exec', '-d', 'keys', '--', ...words], { encoding: 'utf8', input });

let server, browser, ann, keys;

/** What has reached the recorder's window since the last call, up to a key that says that this was all. */
let told = 0;
async function recorded() {
	let events;
	await press('F12');
	await until('the last key', () => {
		events = inside(['cat', 'events.jsonl']).trim().split('\n').slice(told).map((line) => JSON.parse(line));
		return events.some(({ event, name }) => event === 'key_release' && name === 'F12');
	});
	told += events.length;
	return events.filter(({ event, name }) => event.startsWith('key_') && name !== 'F12');
}

/** As a keyboard with this layout would: key is what it writes or does, code where it lies. */
const send = (type, key, code, more = {}) =>
	keys.send('Input.dispatchKeyEvent', { type, key, code, ...(key.length === 1 && { text: key }), ...more });
async function press(key, code = key, more = {}) {
	await send('keyDown', key, code, more);
	await send('keyUp', key, code, more);
}

const presses = (events) => events.filter(({ event }) => event === 'key_press');
const isShift = ({ name }) => name === 'Shift_L';

before(async () => {
	server = await Server.start();
	await server.call('POST', '/v1/desktops', { name: 'keys', size: '800x600' });
	inside(['sh', '-c', 'cat > recorder && chmod +x recorder'], readFileSync(join(dirname(cua), 'x_recorder')));
	const home = inside(['pwd']).trim();
	await server.call('POST', '/v1/desktops/keys/actions', {
		actions: [{ action: 'open_app', name: `${home}/recorder ${home}/events.jsonl` }],
	});
	browser = await openBrowser();
	ann = await openPage(browser);
	keys = await ann.context().newCDPSession(ann);
	await ann.goto(server.login());
	await ann.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
	await ann.goto(`${server.base}/#/desktops/keys`);
	await ann.getByRole('button', { name: 'Take over' }).click();
	await ann.getByText('Yours', { exact: true }).waitFor();
	await workedOn(ann, 800);
	await ann.locator('.live-screen canvas').click({ position: { x: 200, y: 120 } });
	await recorded();
});

after(async () => {
	await browser?.close();
	await server?.end();
});

test('what writes a character writes it', async () => {
	// With Shift and without, by AltGr and dead keys of other layouts; no key of the desktop's has some of them.
	const text = 'aZ0 !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ä€';
	for (const character of text) await press(character, 'KeyQ');
	await press('日', '');
	const written = presses(await recorded()).filter((event) => !isShift(event));
	assert.equal(written.map((event) => event.text).join(''), `${text}日`);
});

test('AltGr and dead keys by themselves write nothing', async () => {
	await send('keyDown', 'AltGraph', 'AltRight', { location: 2 });
	await press('@', 'KeyQ');
	await send('keyUp', 'AltGraph', 'AltRight', { location: 2 });
	await press('Dead', 'Equal');
	await press('é', 'KeyE');
	const written = presses(await recorded()).map(({ text }) => text);
	assert.equal(written.join(''), '@é');
});

test('what does something does it', async () => {
	const rows = {
		Enter: 'Return', Tab: 'Tab', Escape: 'Escape', Backspace: 'BackSpace', Delete: 'Delete', Insert: 'Insert',
		Home: 'Home', End: 'End', PageUp: 'Prior', PageDown: 'Next', ArrowLeft: 'Left', ArrowUp: 'Up',
		ArrowRight: 'Right', ArrowDown: 'Down', ContextMenu: 'Menu', PrintScreen: 'Print', ScrollLock: 'Scroll_Lock',
		F1: 'F1', F2: 'F2', F3: 'F3', F4: 'F4', F5: 'F5', F6: 'F6', F7: 'F7', F8: 'F8', F9: 'F9', F10: 'F10', F11: 'F11',
	};
	for (const key of Object.keys(rows)) await press(key);
	assert.deepEqual(presses(await recorded()).map(({ name }) => name), Object.values(rows));
});

test('the keypad is the keypad', async () => {
	const rows = {
		0: 'KP_0', 1: 'KP_1', 9: 'KP_9', '.': 'KP_Decimal', '+': 'KP_Add', '-': 'KP_Subtract', '*': 'KP_Multiply',
		'/': 'KP_Divide', Enter: 'KP_Enter',
	};
	const codes = { '.': 'Decimal', '+': 'Add', '-': 'Subtract', '*': 'Multiply', '/': 'Divide' };
	for (const key of Object.keys(rows))
		await press(key, `Numpad${codes[key] ?? key}`, { location: 3, isKeypad: true });
	const names = presses(await recorded()).filter((event) => !isShift(event)).map(({ name }) => name);
	assert.deepEqual(names.sort(), Object.values(rows).sort());
});

test('modifiers are held as long as they are', async () => {
	const rows = { Shift: 'Shift_L', Control: 'Control_L', Alt: 'Alt_L', Meta: 'Super_L' };
	for (const [key, name] of Object.entries(rows)) {
		await send('keyDown', key, `${key}Left`, { location: 1 });
		await press('x', 'KeyX');
		await send('keyUp', key, `${key}Left`, { location: 1 });
		const events = await recorded();
		assert.deepEqual(
			events.map(({ event, name }) => `${event} ${name.toLowerCase()}`),
			['key_press', 'key_press', 'key_release', 'key_release'].map(
				(event, index) => `${event} ${index % 3 ? 'x' : name.toLowerCase()}`,
			),
		);
		assert.notEqual(events[1].state, 0);
	}
});

test('a key that is held repeats, and comes up when the window loses the focus', async () => {
	await send('keyDown', 'b', 'KeyB');
	await send('keyDown', 'b', 'KeyB', { autoRepeat: true });
	await send('keyDown', 'b', 'KeyB', { autoRepeat: true });
	await ann.evaluate(() => window.dispatchEvent(new Event('blur')));
	const events = await recorded();
	assert.equal(presses(events).map(({ text }) => text).join(''), 'bbb');
	assert.equal(events.at(-1).event, 'key_release');
	await send('keyUp', 'b', 'KeyB');
	expectQuiet(ann);
});
