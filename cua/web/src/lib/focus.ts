// Where the keyboard is: not lost when what had it goes, and not caught where all keys are somebody else's.

import { useEffect } from 'preact/hooks';

const controls = 'a[href], button, input, select, textarea, summary, [tabindex]';

/** When what has the focus is taken away, what is around it gets it: a table, or the view. */
export function useKeptFocus(): void {
	useEffect(() => {
		let last: Element | null = null;
		const onFocus = (event: FocusEvent) => {
			last = event.target as Element;
		};
		const watcher = new MutationObserver((records) => {
			if (!last || last.isConnected || document.activeElement !== document.body) return;
			const gone = last;
			const around = records.find((record) => [...record.removedNodes].some((node) => node.contains(gone)))?.target;
			const near = around?.isConnected ? (around as Element).closest<HTMLElement>('[tabindex]') : null;
			(near ?? document.getElementById('main'))?.focus({ preventScroll: true });
		});
		document.addEventListener('focusin', onFocus);
		watcher.observe(document.body, { childList: true, subtree: true });
		return () => {
			document.removeEventListener('focusin', onFocus);
			watcher.disconnect();
		};
	}, []);
}

/** what: the desktop, or the shell. */
export const wayOut = (what: string): string => `Keys go to the ${what} while it has the focus; Ctrl+Alt+Shift leaves it.`;

/** A desktop or a terminal takes Tab, too: these three together lead to what comes behind it. Returns what ends it. */
export function letKeyboardOut(box: HTMLElement): () => void {
	const onKey = (event: KeyboardEvent) => {
		if (!event.ctrlKey || !event.altKey || !event.shiftKey || event.getModifierState('AltGraph')) return;
		event.preventDefault();
		event.stopPropagation();
		// They are released elsewhere; who listens lets go of all keys when the window is left.
		window.dispatchEvent(new Event('blur'));
		const next = [...document.querySelectorAll<HTMLElement>(controls)].find(
			(element) =>
				element.tabIndex >= 0 &&
				element.checkVisibility() &&
				!box.contains(element) &&
				box.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING,
		);
		(next ?? document.getElementById('main'))?.focus();
	};
	box.addEventListener('keydown', onKey, true);
	return () => box.removeEventListener('keydown', onKey, true);
}
