// What every view is made of.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon';

type ButtonProps = {
	children: ComponentChildren;
	icon?: IconName;
	kind?: 'primary' | 'danger' | 'plain';
	tiny?: boolean;
	/** It does nothing just now; who is on it by keyboard stays there. */
	idle?: boolean;
	/** It does nothing here at all. */
	disabled?: boolean;
	submit?: boolean;
	label?: string;
	/** What it does, in more words. */
	title?: string;
	pressed?: boolean;
	onClick?: () => void;
};

export function Button({ children, icon, kind, tiny, idle, disabled, submit, label, title, pressed, onClick }: ButtonProps) {
	return (
		<button
			type={submit ? 'submit' : 'button'}
			class={`button ${kind ?? ''} ${tiny ? 'tiny' : ''}`}
			disabled={disabled}
			aria-disabled={idle || undefined}
			aria-label={label}
			title={title}
			aria-pressed={pressed}
			onClick={(event) => (idle ? event.preventDefault() : onClick?.())}
		>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

/** One control with its label; control gets the ids that tie them together. */
export function Field({
	label,
	help,
	children,
}: {
	label: string;
	help?: ComponentChildren;
	children: (ids: { id: string; 'aria-describedby'?: string }) => ComponentChildren;
}) {
	const id = useId();
	const helpId = `${id}-help`;
	return (
		<div class="field">
			<label class="label" for={id}>
				{label}
			</label>
			{children(help ? { id, 'aria-describedby': helpId } : { id })}
			{help && (
				<span class="help" id={helpId}>
					{help}
				</span>
			)}
		</div>
	);
}

export function TextField({
	label,
	help,
	value,
	onInput,
	type = 'text',
	...rest
}: {
	label: string;
	help?: ComponentChildren;
	value: string;
	onInput: (value: string) => void;
	type?: 'text' | 'password' | 'number' | 'url' | 'search';
	placeholder?: string;
	required?: boolean;
	autoComplete?: string;
	spellcheck?: boolean;
	pattern?: string;
	min?: string;
	step?: string;
}) {
	return (
		<Field label={label} help={help}>
			{(ids) => (
				<input
					{...ids}
					{...rest}
					type={type as 'text'}
					value={value}
					onInput={(event) => onInput(event.currentTarget.value)}
				/>
			)}
		</Field>
	);
}

export function SelectField({
	label,
	help,
	value,
	options,
	onInput,
}: {
	label: string;
	help?: ComponentChildren;
	value: string;
	options: { value: string; text: string }[];
	onInput: (value: string) => void;
}) {
	return (
		<Field label={label} help={help}>
			{(ids) => (
				<select {...ids} value={value} onInput={(event) => onInput(event.currentTarget.value)}>
					{options.map((option) => (
						<option key={option.value} value={option.value}>
							{option.text}
						</option>
					))}
				</select>
			)}
		</Field>
	);
}

export function Check({
	label,
	checked,
	onChange,
}: {
	label: string;
	checked: boolean;
	onChange: (checked: boolean) => void;
}) {
	return (
		<label class="check">
			<input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
			{label}
		</label>
	);
}

export function Notice({ kind, children }: { kind: 'bad' | 'warn' | 'good'; children: ComponentChildren }) {
	return (
		<div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
			{children}
		</div>
	);
}

export function Failure({ message }: { message: string }) {
	return message ? <Notice kind="bad">{message}</Notice> : null;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
	return (
		<div class="empty">
			<h2>{title}</h2>
			{children}
		</div>
	);
}

export function Badge({ kind, children }: { kind?: string; children: ComponentChildren }) {
	return <span class={`badge ${kind ?? ''}`}>{children}</span>;
}

export function Head({ title, long, children }: { title: string; long?: boolean; children?: ComponentChildren }) {
	useEffect(() => {
		document.title = `${title} - cua`;
	}, [title]);
	return (
		<div class="head">
			<h1 class={long ? 'long' : ''}>{title}</h1>
			<div class="row">{children}</div>
		</div>
	);
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
	return (
		<dl class="facts">
			{facts.map(([name, value]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd>{value}</dd>
				</div>
			))}
		</dl>
	);
}

/** A table that scrolls by itself where it is too wide; by keyboard, too. */
export function TableBox({ label, children }: { label: string; children: ComponentChildren }) {
	return (
		<div class="table-box" tabIndex={0} role="region" aria-label={label}>
			<table>{children}</table>
		</div>
	);
}

export function Dialog({
	title,
	onClose,
	children,
}: {
	title: string;
	onClose: () => void;
	children: ComponentChildren;
}) {
	const dialog = useRef<HTMLDialogElement>(null);
	const id = useId();
	const isGone = useRef(false);
	useLayoutEffect(() => {
		const element = dialog.current;
		const opener = document.activeElement;
		element?.showModal();
		// To be closed gives the focus back, to be taken away alone does not.
		return () => {
			isGone.current = true;
			element?.close();
			if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
		};
	}, []);
	return (
		<dialog ref={dialog} aria-labelledby={id} onClose={() => isGone.current || onClose()}>
			<div class="inside">
				<div class="row between">
					<h2 id={id}>{title}</h2>
					<Button kind="plain" tiny icon="close" label="Close" onClick={() => dialog.current?.close()}>
						{''}
					</Button>
				</div>
				{children}
			</div>
		</dialog>
	);
}

/** Asks before what cannot be undone. */
export function Confirm({
	title,
	children,
	yes,
	error,
	busy,
	onYes,
	onClose,
}: {
	title: string;
	children: ComponentChildren;
	yes: string;
	error?: string;
	busy?: boolean;
	onYes: () => void;
	onClose: () => void;
}) {
	return (
		<Dialog title={title} onClose={onClose}>
			<p>{children}</p>
			<Failure message={error ?? ''} />
			<div class="row">
				<Button kind="danger" idle={busy} onClick={onYes}>
					{yes}
				</Button>
				<Button onClick={onClose}>Keep it</Button>
			</div>
		</Dialog>
	);
}
