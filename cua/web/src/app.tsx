// The frame around every view: who is logged in, where we are, what wants a person.

import type { ComponentChildren, FunctionComponent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { begunLogin, findSession, login, session, words } from './api/client';
import icon from './icon.svg';
import { useAttention } from './lib/attention';
import { connected, useFeedConnection } from './lib/feed';
import { useKeptFocus } from './lib/focus';
import { href, usePlace } from './lib/router';
import { useValue } from './lib/state';
import { Notice } from './parts/basic';
import { Icon, type IconName } from './parts/icon';
import { Toasts } from './parts/toasts';
import { LoginView } from './views/login';
import { NotFound, routes } from './views/routes';

type Area = { path: string; name: string; icon: IconName };

const areas: Area[] = [
	{ path: 'runs', name: 'Runs', icon: 'runs' },
	{ path: 'desktops', name: 'Desktops', icon: 'desktops' },
	{ path: 'projects', name: 'Projects', icon: 'projects' },
	{ path: 'templates', name: 'Templates', icon: 'templates' },
	{ path: 'models', name: 'Models and keys', icon: 'models' },
	{ path: 'tools', name: 'MCP servers', icon: 'tools' },
	{ path: 'usage', name: 'Usage', icon: 'usage' },
	{ path: 'settings', name: 'Settings', icon: 'settings' },
];

function Side({ area, waiting }: { area: string; waiting: number }) {
	const [open, setOpen] = useState(false);
	const who = useValue(session);
	useEffect(() => setOpen(false), [area]);
	return (
		<header class={`side ${open ? 'open' : ''}`}>
			<a class="brand" href={href('runs')}>
				<img src={icon} alt="" width="28" height="28" />
				cua
			</a>
			<button
				type="button"
				class="button menu"
				aria-expanded={open}
				aria-controls="areas"
				onClick={() => setOpen(!open)}
			>
				<Icon name="menu" /> Menu
			</button>
			<nav id="areas" aria-label="Areas">
				<ul>
					{areas.map(({ path, name, icon }) => (
						<li key={path}>
							<a href={href(path)} aria-current={path === area ? 'page' : undefined}>
								<Icon name={icon} />
								{name}
								{path === 'runs' && waiting > 0 && (
									<span class="count">
										{waiting}
										<span class="hidden-text"> waiting for you</span>
									</span>
								)}
							</a>
						</li>
					))}
				</ul>
			</nav>
			<div class="foot muted">
				<span>Logged in as {who?.name}</span>
			</div>
		</header>
	);
}

function Shell({ area, children }: { area: string; children: ComponentChildren }) {
	const main = useRef<HTMLElement>(null);
	const waiting = useAttention();
	useFeedConnection();
	useKeptFocus();
	const isThere = useValue(connected);
	return (
		<div class="shell">
			<a
				class="skip button"
				href="#main"
				onClick={(event) => {
					event.preventDefault();
					main.current?.focus();
				}}
			>
				Skip to the content
			</a>
			<Side area={area} waiting={waiting} />
			<main id="main" ref={main} tabIndex={-1}>
				{!isThere && <Notice kind="warn">The server cannot be reached; trying again.</Notice>}
				{children}
			</main>
			<Toasts />
		</div>
	);
}

/** The view of a place; its own parts come as they are in the address. */
function View({ parts, query }: { parts: string[]; query: URLSearchParams }) {
	const [area = 'runs', ...rest] = parts;
	const Found: FunctionComponent<{ parts: string[]; query: URLSearchParams }> = routes[area] ?? NotFound;
	return <Found key={area} parts={rest} query={query} />;
}

/** The login that stands in the address; it is good once, and has no business in the browser's history. */
function takeCode(): string | undefined {
	const code = /^#login=(.+)$/.exec(location.hash)?.[1];
	if (code) {
		history.replaceState(null, '', '#/runs');
		window.dispatchEvent(new HashChangeEvent('hashchange'));
	}
	return code;
}

export function App() {
	const place = usePlace();
	const who = useValue(session);
	const [error, setError] = useState('');

	const begin = async () => {
		const code = takeCode() ?? begunLogin();
		setError('');
		try {
			if (code) await login(code);
			else await findSession();
		} catch (failed) {
			setError(words(failed));
			if (!session.get()) session.set(null);
		}
	};
	useEffect(() => {
		void begin();
		// Somebody pastes a URL into a page that is open.
		const onChange = () => {
			if (location.hash.startsWith('#login=')) void begin();
		};
		window.addEventListener('hashchange', onChange);
		return () => window.removeEventListener('hashchange', onChange);
	}, []);

	if (who === undefined) return null;
	if (who === null) return <LoginView error={error} onRetry={begin} />;
	return (
		<Shell area={place.parts[0] ?? 'runs'}>
			<View parts={place.parts} query={place.query} />
		</Shell>
	);
}
