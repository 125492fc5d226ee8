// Short notices at the edge of the page, until somebody closes them or what they told of is over.

import { usePlace } from '../lib/router';
import { State, useValue } from '../lib/state';
import { Button } from './basic';

export type Toast = { id: string; text: string; href?: string };

const toasts = new State<Toast[]>([]);

export function showToast(toast: Toast): void {
	toasts.set([...toasts.get().filter((other) => other.id !== toast.id), toast]);
}

export function closeToast(id: string): void {
	if (toasts.get().some((toast) => toast.id === id)) toasts.set(toasts.get().filter((toast) => toast.id !== id));
}

export function Toasts() {
	usePlace();
	// What is in sight needs no notice.
	const shown = useValue(toasts).filter((toast) => toast.href !== location.hash);
	return (
		<div class="toasts" role="status" aria-live="polite">
			{shown.map((toast) => (
				<div key={toast.id} class="toast">
					{toast.href ? (
						<a href={toast.href} onClick={() => closeToast(toast.id)}>
							{toast.text}
						</a>
					) : (
						<span>{toast.text}</span>
					)}
					<Button kind="plain" tiny icon="close" label="Close the notice" onClick={() => closeToast(toast.id)}>
						{''}
					</Button>
				</div>
			))}
		</div>
	);
}
