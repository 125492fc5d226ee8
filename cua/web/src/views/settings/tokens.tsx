// Tokens of programs: made, told once, revoked.

import { useState } from 'preact/hooks';
import { list, path, post, remove } from '../../api/client';
import type { Token } from '../../api/types';
import { ago, time } from '../../lib/format';
import { useAction, useResource } from '../../lib/resource';
import { Button, Check, Confirm, Dialog, Empty, Failure, Notice, TableBox, TextField } from '../../parts/basic';

const scopes = [
	['watch', 'watch: see runs, desktops, files'],
	['act', 'act: start runs, use desktops'],
	['approve', 'approve: answer what runs ask'],
	['admin', 'admin: keys, tokens, settings, and all else'],
] as const;

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
	const [name, setName] = useState('');
	const [chosen, setChosen] = useState<string[]>(['watch']);
	const [made, setMade] = useState<Token | null>(null);
	const action = useAction();
	const make = () =>
		action.run(async () => {
			setMade(await post<Token>('/v1/tokens', { name, scopes: chosen }));
			onMade();
		});
	if (made) {
		return (
			<Dialog title="A token" onClose={onClose}>
				<Notice kind="good">It is told this once. Programs send it as Authorization: Bearer TOKEN.</Notice>
				<p class="question-words mono">{made.token}</p>
			</Dialog>
		);
	}
	return (
		<Dialog title="New token" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					void make();
				}}
			>
				<TextField label="Whose it is" value={name} onInput={setName} required />
				<fieldset class="plain-set">
					<legend class="label">What it may</legend>
					{scopes.map(([scope, text]) => (
						<Check
							key={scope}
							label={text}
							checked={chosen.includes(scope)}
							onChange={(is) => setChosen(is ? [...chosen, scope] : chosen.filter((other) => other !== scope))}
						/>
					))}
				</fieldset>
				<Failure message={action.error} />
				<div class="row">
					<Button submit kind="primary" idle={action.busy || chosen.length === 0}>
						Make it
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

export function Tokens() {
	const { data, error, reload } = useResource((signal) => list<Token>('/v1/tokens', signal), []);
	const [making, setMaking] = useState(false);
	const [doomed, setDoomed] = useState<Token | null>(null);
	const action = useAction();
	return (
		<section class="stack tight">
			<div class="row between">
				<h2>Tokens of programs</h2>
				<Button icon="plus" onClick={() => setMaking(true)}>
					New token
				</Button>
			</div>
			<Failure message={error} />
			{data?.length === 0 && <Empty title="No tokens" />}
			{data && data.length > 0 && (
				<TableBox label="Tokens">
					<thead>
						<tr>
							<th scope="col">Whose</th>
							<th scope="col">May</th>
							<th scope="col">Used</th>
							<th scope="col">Ends</th>
							<th scope="col">
								<span class="hidden-text">Actions</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{data.map((token) => (
							<tr key={token.id}>
								<th scope="row">{token.name}</th>
								<td>{token.scopes.join(', ')}</td>
								<td class="muted">{token.used_ms === null ? 'never' : ago(token.used_ms)}</td>
								<td class="muted">{token.expires_ms === null ? 'when it is revoked' : time(token.expires_ms)}</td>
								<td class="actions">
									<Button tiny label={`Revoke the token of ${token.name}`} onClick={() => setDoomed(token)}>
										Revoke
									</Button>
								</td>
							</tr>
						))}
					</tbody>
				</TableBox>
			)}
			{making && <NewToken onClose={() => setMaking(false)} onMade={reload} />}
			{doomed && (
				<Confirm
					title={`Revoke the token of ${doomed.name}?`}
					yes="Revoke it"
					error={action.error}
					busy={action.busy}
					onClose={() => setDoomed(null)}
					onYes={async () => {
						if (await action.run(() => remove(path`/v1/tokens/${doomed.id}`))) {
							setDoomed(null);
							reload();
						}
					}}
				>
					What uses it is let in no more, at once.
				</Confirm>
			)}
		</section>
	);
}
