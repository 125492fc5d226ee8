// A value that parts of the page look at: who uses it is drawn anew when it changes.

import { useEffect, useState } from 'preact/hooks';

export class State<T> {
	private watchers = new Set<() => void>();

	constructor(private value: T) {}

	get(): T {
		return this.value;
	}

	set(value: T): void {
		if (value === this.value) return;
		this.value = value;
		for (const watcher of [...this.watchers]) watcher();
	}

	watch(watcher: () => void): () => void {
		this.watchers.add(watcher);
		return () => this.watchers.delete(watcher);
	}
}

export function useValue<T>(state: State<T>): T {
	const [value, setValue] = useState(() => state.get());
	useEffect(() => {
		const take = () => setValue(() => state.get());
		take(); // it may have changed since it was drawn
		return state.watch(take);
	}, [state]);
	return value;
}
