// Numbers and times as people read them.

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

export function bytes(count: number): string {
	let unit = 0;
	while (count >= 1000 && unit < units.length - 1) {
		count /= 1000;
		unit++;
	}
	return `${count >= 100 || unit === 0 ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

export function duration(ms: number): string {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function clock(ms: number): string {
	const s = Math.max(0, Math.floor(ms / 1000));
	const two = (n: number) => String(n).padStart(2, '0');
	return s >= 3600
		? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
		: `${Math.floor(s / 60)}:${two(s % 60)}`;
}

export function ago(ms: number, now = Date.now()): string {
	const s = (now - ms) / 1000;
	if (s < 45) return 'just now';
	if (s < 3600) return `${Math.round(s / 60)} min ago`;
	if (s < 86400) return `${Math.round(s / 3600)} h ago`;
	return new Date(ms).toLocaleDateString(undefined, { dateStyle: 'medium' });
}

export function time(ms: number): string {
	return new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

export function count(n: number): string {
	return n.toLocaleString();
}

export function tokens(n: number): string {
	if (n >= 1e6) return `${(n / 1e6).toFixed(1)} M`;
	return n >= 1e4 ? `${Math.round(n / 1e3)} k` : n.toLocaleString();
}

export function usd(n: number | null): string {
	if (n === null) return 'not known';
	return n === 0 ? '$0' : n < 0.01 ? `$${n.toFixed(4)}` : `$${n.toFixed(2)}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
	return `${count(n)} ${n === 1 ? one : many}`;
}
