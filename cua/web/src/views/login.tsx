// For who has no session: how to get one.

import { useState } from 'preact/hooks';
import { login } from '../api/client';
import icon from '../icon.svg';
import { useAction } from '../lib/resource';
import { Button, Failure, TextField } from '../parts/basic';

/** The code, also of a whole URL that was pasted. */
function codeOf(text: string): string {
	return text.trim().replace(/^.*#login=/, '');
}

export function LoginView({ error, onRetry }: { error: string; onRetry: () => void }) {
	const [text, setText] = useState('');
	const action = useAction();
	return (
		<main class="login">
			<form
				class="card"
				onSubmit={(event) => {
					event.preventDefault();
					void action.run(() => login(codeOf(text)));
				}}
			>
				<div class="brand">
					<img src={icon} alt="" width="28" height="28" />
					<h1>Log in to cua</h1>
				</div>
				<p>
					<code>cua serve</code> printed a URL that logs one browser in, once. <code>cua serve login</code>, typed on
					the server&rsquo;s machine, prints another.
				</p>
				<Failure message={action.error || error} />
				<TextField
					label="Login"
					help="What stands after #login=, or the whole URL."
					value={text}
					onInput={setText}
					type="password"
					autoComplete="off"
					required
				/>
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Log in
					</Button>
					{error && <Button onClick={onRetry}>Try again</Button>}
				</div>
			</form>
		</main>
	);
}
