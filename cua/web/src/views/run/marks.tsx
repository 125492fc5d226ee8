// Where the actions of a step go, drawn over the picture that the model saw: a ring with the action's number.

import type { Action, Step } from './journal';
import { pointOf } from './words';

type Point = [number, number];

function Arrow({ from, to }: { from: Point; to: Point }) {
	const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
	const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
	const head = (side: number) => `${to[0] - 14 * ux - side * 8 * uy} ${to[1] - 14 * uy + side * 8 * ux}`;
	const d = `M${from.join(' ')}L${to.join(' ')}M${head(1)}L${to.join(' ')}L${head(-1)}`;
	return (
		<>
			<path class="under" d={d} />
			<path class="over" d={d} />
		</>
	);
}

function Ring({ at: [x, y], number }: { at: Point; number: number }) {
	return (
		<>
			<circle class="under" cx={x} cy={y} r="16" />
			<circle class="over" cx={x} cy={y} r="16" />
			<circle class="dot" cx={x} cy={y} r="2.5" />
			<circle class="dot" cx={x + 19} cy={y - 19} r="11" />
			<text x={x + 19} y={y - 13.5}>
				{number}
			</text>
		</>
	);
}

function Mark({ action, number }: { action: Action; number: number }) {
	if (Array.isArray(action.path) && action.path.length > 0) {
		const path = action.path.map(pointOf);
		return (
			<>
				{path.slice(1).map((to, i) => (
					<Arrow key={i} from={path[i] ?? to} to={to} />
				))}
				<Ring at={path[0] ?? [0, 0]} number={number} />
			</>
		);
	}
	if (typeof action.x !== 'number' || typeof action.y !== 'number') return null;
	const at: Point = [action.x, action.y];
	const [dx, dy] = [Number(action.scroll_x ?? 0), Number(action.scroll_y ?? 0)];
	const length = Math.hypot(dx, dy);
	return (
		<>
			{length > 0 && <Arrow from={at} to={[at[0] + (60 * dx) / length, at[1] + (60 * dy) / length]} />}
			<Ring at={at} number={number} />
		</>
	);
}

export function Marks({ step, width, height }: { step: Step; width: number; height: number }) {
	const actions = step.intents.flatMap((intent) => intent.actions);
	return (
		<svg class="marks" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
			{actions.map((action, i) => (
				<Mark key={i} action={action} number={i + 1} />
			))}
		</svg>
	);
}
