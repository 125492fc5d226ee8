// Light or dark: as the system says, unless somebody chose here.

import { State } from './state';

export type Theme = 'system' | 'light' | 'dark';

const key = 'cua-theme';

function read(): Theme {
	const kept = localStorage.getItem(key);
	return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export const theme = new State<Theme>(read());

function show(): void {
	const chosen = theme.get();
	if (chosen === 'system') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = chosen;
}

export function setTheme(chosen: Theme): void {
	if (chosen === 'system') localStorage.removeItem(key);
	else localStorage.setItem(key, chosen);
	theme.set(chosen);
}

theme.watch(show);
show();

export const isDark = (): boolean =>
	theme.get() === 'dark' || (theme.get() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
