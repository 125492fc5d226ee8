// A run's story, put together from the events of its journal (agent/README.md): steps, and what belongs to each.

export type Action = { action: string } & Record<string, unknown>;

export type Picture = { sha256: string; width: number; height: number };

export type Intent = {
	callId: string;
	actions: Action[];
	tool?: string;
	server?: string;
	arguments?: unknown;
	note: string;
	status?: string;
	message?: string;
	words?: string;
};

export type Remark = { kind: 'told' | 'said' | 'good' | 'warn' | 'bad'; text: string };

export type Step = {
	number: number;
	atMs: number;
	words: string;
	answer: string;
	/** What the model saw before it. */
	picture: Picture | null;
	intents: Intent[];
	remarks: Remark[];
	modelMs: number;
	desktopMs: number;
};

export type Story = {
	seq: number;
	startedMs: number;
	task: string;
	model: string;
	desktop: string;
	template: string;
	steps: Step[];
	/** The newest screen, which the next step sees. */
	picture: Picture | null;
	spentTokens: number;
	spentUsd: number | null;
	end: { outcome: string; message: string } | null;
};

export type Event = Record<string, unknown>;

export const emptyStory: Story = {
	seq: 0,
	startedMs: 0,
	task: '',
	model: '',
	desktop: '',
	template: '',
	steps: [],
	picture: null,
	spentTokens: 0,
	spentUsd: null,
	end: null,
};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const object = (value: unknown): Event => (value !== null && typeof value === 'object' ? (value as Event) : {});

function pictureOf(event: Event): Picture | null {
	return event.screenshot
		? { sha256: text(event.screenshot), width: number(event.width), height: number(event.height) }
		: null;
}

function emptyStep(story: Story, event: Event): Step {
	return {
		number: number(event.step),
		atMs: Date.parse(text(event.time)),
		words: '',
		answer: '',
		picture: story.picture,
		intents: [],
		remarks: [],
		modelMs: 0,
		desktopMs: 0,
	};
}

function remarkOf(event: Event): Remark | null {
	switch (event.type) {
		case 'user':
			return { kind: event.said ? 'said' : 'told', text: text(event.text) };
		case 'answers':
			return event.note ? { kind: 'told', text: text(event.note) } : null;
		case 'decision':
			return event.verdict === 'deny' ? { kind: 'bad', text: `Denied by the policy: ${text(event.reason)}` } : null;
		case 'question':
			return { kind: 'warn', text: `Asked a person: ${text(event.words)} (${text(event.reason)})` };
		case 'approval':
			return { kind: event.answer === 'yes' ? 'good' : 'warn', text: answerWords(text(event.answer)) };
		case 'elicitation':
			return { kind: 'warn', text: `${text(event.server)} asked: ${text(event.message)} (${text(event.answer)})` };
		case 'taint':
			return { kind: 'warn', text: `From here on it has read what a stranger may have written: ${text(event.reason)}` };
		case 'not_run':
			return { kind: 'warn', text: `Not run: ${text(event.message)}` };
		case 'retry':
			return { kind: 'warn', text: `The model was asked again: ${text(event.message)}` };
		case 'unanswered':
			return { kind: 'bad', text: text(event.message) };
		case 'mcp_trouble':
			return { kind: 'warn', text: `${text(event.server)}: ${text(event.message)}` };
		case 'pause':
			return { kind: 'warn', text: 'The disk was full for a while.' };
		case 'person':
			return { kind: 'warn', text: personWords(text(event.phase)) };
		case 'run_resume':
			return { kind: 'warn', text: 'It was interrupted here, and went on.' };
		default:
			return null;
	}
}

const answers: Record<string, string> = {
	yes: 'A person allowed it.',
	no: 'A person denied it.',
	unanswered: 'Nobody answered in time.',
	nobody: 'There was nobody to ask.',
	expired: 'The approval came too late.',
	interrupted: 'A person interrupted the run instead.',
	screen_changed: 'The screen had changed since it was asked.',
};

const answerWords = (answer: string): string => answers[answer] ?? answer;

const phases: Record<string, string> = {
	has_desktop: 'A person took the desktop.',
	gave_back: 'The desktop was given back.',
	paused: 'A person paused the run.',
	interrupted: 'A person interrupted the run.',
	went_on: 'It went on.',
};

const personWords = (phase: string): string => phases[phase] ?? phase;

function changeIntent(step: Step, callId: unknown, change: Partial<Intent>): Step {
	return {
		...step,
		intents: step.intents.map((intent) => (intent.callId === callId ? { ...intent, ...change } : intent)),
	};
}

function changeStep(step: Step, event: Event): Step {
	const remark = remarkOf(event);
	const next = remark ? { ...step, remarks: [...step.remarks, remark] } : step;
	switch (event.type) {
		case 'turn':
			return {
				...next,
				words: text(event.words),
				answer: text(event.answer) || text(event.refusal) || text(event.gives_up),
				modelMs: next.modelMs + number(event.ms),
			};
		case 'intent':
			return {
				...next,
				intents: [
					...next.intents,
					{
						callId: text(event.call_id),
						actions: Array.isArray(event.actions) ? (event.actions as Action[]) : [],
						tool: event.tool === undefined ? undefined : text(event.tool),
						server: event.server === undefined ? undefined : `${text(event.server)}, ${text(event.server_tool)}`,
						arguments: event.arguments,
						note: text(event.note),
					},
				],
			};
		case 'result':
			return {
				...changeIntent(next, event.call_id, {
					status: text(event.status),
					message: text(event.message),
					words: text(event.words),
				}),
				desktopMs: next.desktopMs + number(event.ms),
			};
		default:
			return next;
	}
}

/** The events of a step come together; those before the first belong to it. */
function withStep(story: Story, event: Event): Story {
	if (typeof event.step !== 'number' && remarkOf(event) === null) return story;
	const last = story.steps.at(-1);
	const isNew = !last || (typeof event.step === 'number' && event.step > last.number);
	const step = changeStep(isNew ? emptyStep(story, event) : last, event);
	// What the model saw is what was there when it was asked.
	const seen = event.type === 'user' || event.type === 'look' ? (pictureOf(event) ?? step.picture) : step.picture;
	const before = isNew ? story.steps : story.steps.slice(0, -1);
	return { ...story, steps: [...before, seen === step.picture ? step : { ...step, picture: seen }] };
}

/** The story with one event more. */
export function addEvent(story: Story, event: Event): Story {
	const seq = number(event.seq);
	if (seq <= story.seq) return story;
	let next = withStep({ ...story, seq }, event);
	const picture = pictureOf(event);
	if (picture) next = { ...next, picture };
	if (event.type === 'run_start' || event.type === 'run_resume') {
		next = {
			...next,
			startedMs: next.startedMs || Date.parse(text(event.time)),
			task: text(event.task) || next.task,
			model: text(event.model) || next.model,
			desktop: text(event.desktop) || next.desktop,
			template: text(event.template) || next.template,
		};
	}
	const spent = object(event.spent);
	if (typeof spent.tokens === 'number') {
		next = { ...next, spentTokens: spent.tokens, spentUsd: typeof spent.usd === 'number' ? spent.usd : null };
	}
	if (event.type === 'run_end') {
		next = { ...next, end: { outcome: text(event.outcome), message: text(event.answer) || text(event.message) } };
	}
	return next;
}
