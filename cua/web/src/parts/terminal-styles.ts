// xterm.js writes rules into <style> elements that it makes, which the content security policy refuses like any
// other inline style. Instead of such an element it gets one that hands the rules to a constructed style sheet.

class Sheet extends HTMLElement {
	private sheet = new CSSStyleSheet();

	override get textContent(): string {
		return '';
	}

	override set textContent(rules: string | null) {
		this.sheet.replaceSync(rules ?? '');
	}

	connectedCallback(): void {
		document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
	}

	disconnectedCallback(): void {
		document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.sheet);
	}
}

customElements.define('cua-sheet', Sheet);

/** From now on, until what it returns is called. */
export function keepStylesOut(): () => void {
	const create = document.createElement;
	document.createElement = ((name: string, options?: ElementCreationOptions) =>
		create.call(document, name === 'style' ? 'cua-sheet' : name, options)) as typeof create;
	return () => {
		document.createElement = create;
	};
}
