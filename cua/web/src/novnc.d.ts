// What the page uses of noVNC, which comes without types.
declare module '@novnc/novnc' {
	export default class RFB extends EventTarget {
		constructor(target: HTMLElement, url: string, options?: { shared?: boolean });
		viewOnly: boolean;
		scaleViewport: boolean;
		background: string;
		focusOnClick: boolean;
		disconnect(): void;
		focus(options?: FocusOptions): void;
		clipboardPasteFrom(text: string): void;
		sendCredentials(credentials: Record<string, string>): void;
	}
}
