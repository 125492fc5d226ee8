// What an action does, in words.

import type { Action, Intent } from './journal';

const place = (action: Action): string => (action.x === undefined ? '' : ` at ${action.x}, ${action.y}`);

const keys = (value: unknown): string => (Array.isArray(value) ? value.join('+') : String(value ?? ''));

const quoted = (value: unknown): string => {
	const text = String(value ?? '').replace(/\n/g, '⏎').replace(/\t/g, '⇥');
	return `“${text.length > 200 ? `${text.slice(0, 200)}…` : text}”`;
};

function click(action: Action): string {
	const times = ['', '', 'double-', 'triple-'][Number(action.count)] ?? '';
	const button = action.button && action.button !== 'left' ? `${action.button} ` : '';
	const held = action.keys ? ` holding ${keys(action.keys)}` : '';
	return `${button}${times}click${place(action)}${held}`;
}

function scroll(action: Action): string {
	const x = Number(action.scroll_x ?? 0);
	const y = Number(action.scroll_y ?? 0);
	const ways = [y && `${y > 0 ? 'down' : 'up'} ${Math.abs(y)}`, x && `${x > 0 ? 'right' : 'left'} ${Math.abs(x)}`];
	return `scroll ${ways.filter(Boolean).join(' and ')}${place(action)}`;
}

function other(action: Action): string {
	const rest = Object.entries(action)
		.filter(([name]) => !['action', 'x', 'y'].includes(name))
		.map(([, value]) => (typeof value === 'string' ? quoted(value) : keys(value)));
	return [action.action.replaceAll('_', ' '), ...rest].join(' ') + place(action);
}

export function actionWords(action: Action): string {
	switch (action.action) {
		case 'click':
			return click(action);
		case 'scroll':
			return scroll(action);
		case 'drag': {
			const path = Array.isArray(action.path) ? action.path : [];
			const at = (point: unknown) => {
				const [x, y] = pointOf(point);
				return `${x}, ${y}`;
			};
			return path.length > 1 ? `drag from ${at(path[0])} to ${at(path.at(-1))}` : 'drag';
		}
		case 'type':
			return `type ${quoted(action.text)}`;
		case 'key':
			return `press ${keys(action.keys)}${Number(action.count) > 1 ? ` ${action.count} times` : ''}`;
		default:
			return other(action);
	}
}

export function pointOf(point: unknown): [number, number] {
	if (Array.isArray(point)) return [Number(point[0]), Number(point[1])];
	const { x, y } = (point ?? {}) as { x?: unknown; y?: unknown };
	return [Number(x), Number(y)];
}

export function intentWords(intent: Intent): string[] {
	if (!intent.tool) return intent.actions.map(actionWords);
	const name = intent.server ?? intent.tool;
	const given = Object.values((intent.arguments ?? {}) as Record<string, unknown>);
	const first = given.length === 1 && typeof given[0] === 'string' ? given[0] : JSON.stringify(intent.arguments ?? {});
	return [`${name}: ${first.length > 400 ? `${first.slice(0, 400)}…` : first}`];
}
