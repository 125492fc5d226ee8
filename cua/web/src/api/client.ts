// Requests to the server. A session's cookie goes along by itself, to every port of this machine; what its page alone
// knows, by a header.

import { State } from '../lib/state';
import type { Page, Session } from './types';

/** What the server says is wrong: application/problem+json. */
export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		detail: string,
	) {
		super(detail);
	}
}

/** null: nobody is logged in; undefined: not known yet. */
export const session = new State<Session | null | undefined>(undefined);

export function may(scope: string): boolean {
	return session.get()?.scopes.includes(scope) ?? false;
}

async function problemOf(response: Response): Promise<Problem> {
	try {
		const json = await response.json();
		return new Problem(response.status, String(json.code), String(json.detail));
	} catch {
		return new Problem(response.status, 'unknown', `The server answered with status ${response.status}.`);
	}
}

const csrfKey = 'cua-csrf';

/** Of the session, for all tabs; storage knows ports. */
const csrfOf = (): string | null => localStorage.getItem(csrfKey);

// Until an answer begins. What the server does for a request takes 3 minutes at most, and then it says so itself.
const patienceMs = (method: string): number => (method === 'GET' ? 60000 : 240000);

type Init = RequestInit & {
	/** However long it takes. */
	patient?: boolean;
};

async function answerOf(path: string, init: Init & { method: string }): Promise<Response> {
	const late = new AbortController();
	const ms = patienceMs(init.method);
	const timer = init.patient ? undefined : window.setTimeout(() => late.abort(), ms);
	const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
	try {
		return await fetch(path, { ...init, signal });
	} catch (error) {
		if (init.signal?.aborted) throw error;
		if (!late.signal.aborted) throw new Problem(0, 'unreachable', 'The server cannot be reached.');
		const done = init.method === 'GET' ? '' : ' What was asked of it may be done all the same: look before you ask again.';
		throw new Problem(0, 'late', `The server has not answered for ${ms / 60000} min.${done}`);
	} finally {
		window.clearTimeout(timer);
	}
}

/** A 304 is for who sent If-None-Match. */
export async function send(method: string, path: string, init: Init = {}): Promise<Response> {
	const headers = new Headers(init.headers);
	const csrf = csrfOf();
	if (csrf && !headers.has('X-Cua-Csrf')) headers.set('X-Cua-Csrf', csrf);
	const response = await answerOf(path, { cache: 'no-store', ...init, method, headers });
	if (response.ok || response.status === 304) return response;
	const problem = await problemOf(response);
	if (problem.status === 401 && session.get()) session.set(null);
	throw problem;
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
	const init: RequestInit = { signal };
	if (body !== undefined) {
		init.body = JSON.stringify(body);
		init.headers = { 'Content-Type': 'application/json' };
	}
	const response = await send(method, path, init);
	return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal);
export const post = <T = void>(path: string, body?: unknown) => call<T>('POST', path, body);
export const put = (path: string, body: unknown) => call<void>('PUT', path, body);
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', path, body);
export const remove = (path: string) => call<void>('DELETE', path);

/** All pages of a list, up to some hundreds of items. */
export async function list<T>(path: string, signal?: AbortSignal): Promise<T[]> {
	const items: T[] = [];
	const joint = path.includes('?') ? '&' : '?';
	let after = '';
	do {
		const page = await get<Page<T>>(`${path}${joint}limit=200${after}`, signal);
		items.push(...page.items);
		after = page.next === null ? '' : `&after=${encodeURIComponent(page.next)}`;
	} while (after && items.length < 1000);
	return items;
}

/** A path of parts that come from data. */
export function path(strings: TemplateStringsArray, ...parts: (string | number)[]): string {
	return strings.reduce((text, string, i) => text + encodeURIComponent(String(parts[i - 1])) + string);
}

/** The same with a ticket, for what takes no header: a WebSocket, or a download of the browser. It is good once. */
export async function withTicket(address: string): Promise<string> {
	const url = new URL(address, location.href);
	const { ticket } = await post<{ ticket: string }>('/v1/tickets', { path: decodeURIComponent(url.pathname) });
	url.searchParams.set('ticket', ticket);
	return url.href;
}

/** null: there is none. */
async function askSession(csrf = csrfOf()): Promise<Session | null> {
	if (!csrf) return null;
	try {
		const response = await send('GET', '/v1/session', { headers: { 'X-Cua-Csrf': csrf } });
		localStorage.setItem(csrfKey, csrf);
		return await response.json();
	} catch (error) {
		if (error instanceof Problem && [401, 403].includes(error.status)) return null;
		throw error;
	}
}

export async function findSession(): Promise<void> {
	session.set(await askSession());
}

const begunKey = 'cua-login';

type Begun = { code: string; csrf: string };

function begun(): Begun | null {
	const kept = sessionStorage.getItem(begunKey);
	return kept === null ? null : (JSON.parse(kept) as Begun);
}

/** A login that was begun in this tab and is not answered yet: the page was loaded anew meanwhile. */
export const begunLogin = (): string | undefined => begun()?.code;

/** What the session is opened with besides its cookie: chosen here, since an answer may come too late for the page. */
function begin(code: string): Begun {
	const random = crypto.getRandomValues(new Uint8Array(32));
	const made = { code, csrf: [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
	sessionStorage.setItem(begunKey, JSON.stringify(made));
	return made;
}

/** The session of a login that was used: where it was used here, its cookie is there, or on its way. */
async function sessionOfUsed(before: Begun | null): Promise<Session | null> {
	const deadline = Date.now() + (before ? 5000 : 0);
	for (;;) {
		const found = (before && (await askSession(before.csrf))) || (await askSession());
		if (found || Date.now() >= deadline) return found;
		await new Promise((resolve) => window.setTimeout(resolve, 100));
	}
}

/** A code is good once, so the request outlives the page, and its answer brings the cookie all the same. */
export async function login(code: string): Promise<void> {
	const before = begunLogin() === code ? begun() : null;
	let found = before && (await askSession(before.csrf));
	if (!found) {
		const now = before ?? begin(code);
		const headers = { 'Content-Type': 'application/json' };
		const body = JSON.stringify({ login: code, csrf: now.csrf });
		try {
			await send('POST', '/v1/login', { headers, body, keepalive: true });
			found = await askSession(now.csrf);
		} catch (error) {
			if (!(error instanceof Problem && error.status === 401)) throw error;
			found = await sessionOfUsed(before);
			if (!found) {
				sessionStorage.removeItem(begunKey);
				throw error;
			}
		}
	}
	sessionStorage.removeItem(begunKey);
	session.set(found);
}

export async function logout(): Promise<void> {
	await remove('/v1/session');
	localStorage.removeItem(csrfKey);
	session.set(null);
}

export function words(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
