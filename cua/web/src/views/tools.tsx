// MCP servers, whose tools runs can use: what each may, and what it offers.

import { useState } from 'preact/hooks';
import { list, may, path, post, put, remove } from '../api/client';
import type { McpServer, McpTest, McpTool } from '../api/types';
import { useAction, useResource } from '../lib/resource';
import { Badge, Button, Confirm, Dialog, Empty, Facts, Failure, Head, Notice, TextField } from '../parts/basic';

function toolText(tool: McpTool, member: 'name' | 'description'): string {
	const value = (tool.definition as Record<string, unknown> | null)?.[member];
	return typeof value === 'string' ? value : '';
}

function Tested({ test }: { test: McpTest }) {
	if (!test.ok) return <Notice kind="bad">{test.error}</Notice>;
	return (
		<details open>
			<summary>
				{test.server} {test.version}: {test.tools?.length ?? 0} tools
			</summary>
			<ul class="stack tight tools">
				{test.tools?.map((tool) => (
					<li key={tool.hash}>
						<div class="row">
							<code>{toolText(tool, 'name')}</code>
							<Badge kind={tool.approved ? 'good' : 'warn'}>{tool.approved ? 'approved' : 'not approved'}</Badge>
						</div>
						<p class="small muted">{toolText(tool, 'description')}</p>
					</li>
				))}
			</ul>
		</details>
	);
}

/** The words of a command line, with quotes around those that have spaces. */
function split(line: string): string[] {
	return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? '');
}

function NewServer({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
	const [name, setName] = useState('');
	const [where, setWhere] = useState('');
	const [network, setNetwork] = useState('');
	const [write, setWrite] = useState('');
	const action = useAction();
	const isUrl = /^https?:/.test(where.trim());
	const make = () =>
		action.run(async () => {
			const [command, ...args] = split(where);
			const names = network.split(/[\s,]+/).filter(Boolean);
			const own = {
				command,
				args,
				...(write ? { write: split(write) } : {}),
				...(names.length > 0 ? { network: names[0] === 'open' ? 'open' : { allow: names } } : {}),
			};
			await put(path`/v1/mcp-servers/${name}`, isUrl ? { url: where.trim() } : own);
			onMade();
			onClose();
		});
	return (
		<Dialog title="New MCP server" onClose={onClose}>
			<form
				class="stack"
				onSubmit={(event) => {
					event.preventDefault();
					void make();
				}}
			>
				<TextField label="Name" value={name} onInput={setName} required />
				<TextField
					label="Command or address"
					help="npx -y @modelcontextprotocol/server-filesystem /data, or https://mcp.example.org/mcp"
					value={where}
					onInput={setWhere}
					required
				/>
				{!isUrl && (
					<>
						<TextField
							label="Names on the network that it may reach"
							help="with commas; open for all; empty for none"
							value={network}
							onInput={setNetwork}
						/>
						<TextField label="Folders that it may change" value={write} onInput={setWrite} />
					</>
				)}
				<Failure message={action.error} />
				<div class="row">
					<Button submit kind="primary" idle={action.busy}>
						Add it
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

function ServerCard({ server, reload }: { server: McpServer; reload: () => void }) {
	const [test, setTest] = useState<McpTest | null>(null);
	const [asks, setAsks] = useState(false);
	const action = useAction();
	const look = async () => setTest(await post<McpTest>(path`/v1/mcp-servers/${server.name}/test`));
	const approve = (hash: string) =>
		action.run(async () => {
			await post(path`/v1/mcp-servers/${server.name}/approve`, { changes_hash: hash });
			await look();
		});
	const facts: [string, string][] = [['Runs', server.command ?? server.url ?? '']];
	if (server.network) facts.push(['Network', server.network]);
	if (server.read.length) facts.push(['Reads', server.read.join(', ')]);
	if (server.write.length) facts.push(['Writes', server.write.join(', ')]);
	if (server.env.length) facts.push(['Variables', server.env.join(', ')]);
	if (server.headers.length) facts.push(['Headers', server.headers.join(', ')]);
	return (
		<li class="card stack tight">
			<div class="row between">
				<div class="row">
					<h2>{server.name}</h2>
					<Badge>{server.transport}</Badge>
				</div>
				<div class="row">
					{may('act') && (
						<Button idle={action.busy} label={`Test ${server.name}`} onClick={() => void action.run(look)}>
							Test
						</Button>
					)}
					{may('admin') && (
						<Button icon="trash" label={`Remove ${server.name}`} onClick={() => setAsks(true)}>
							{''}
						</Button>
					)}
				</div>
			</div>
			<Facts facts={facts} />
			<Failure message={action.error} />
			{test && <Tested test={test} />}
			{test?.changes_hash && may('admin') && (
				<Notice kind="warn">
					<p>No model has these tools as they are now before you approve them.</p>
					<Button kind="primary" idle={action.busy} onClick={() => void approve(test.changes_hash ?? '')}>
						Approve these tools
					</Button>
				</Notice>
			)}
			{asks && (
				<Confirm
					title={`Remove ${server.name}?`}
					yes="Remove it"
					error={action.error}
					busy={action.busy}
					onClose={() => setAsks(false)}
					onYes={async () => {
						if (await action.run(() => remove(path`/v1/mcp-servers/${server.name}`))) reload();
					}}
				>
					What was approved of it is forgotten, too.
				</Confirm>
			)}
		</li>
	);
}

export function ToolsView() {
	const { data, error, reload } = useResource((signal) => list<McpServer>('/v1/mcp-servers', signal), []);
	const [making, setMaking] = useState(false);
	return (
		<>
			<Head title="MCP servers">
				{may('admin') && (
					<Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
						New server
					</Button>
				)}
			</Head>
			<p class="muted">
				Each runs in a sandbox of its own; runs are offered the tools that a person approved.
			</p>
			<Failure message={error} />
			{data?.length === 0 && (
				<Empty title="No MCP servers yet">
					<p>A model has none of a server’s tools before a person approved them.</p>
				</Empty>
			)}
			<ul class="stack" aria-label="MCP servers">
				{data?.map((server) => (
					<ServerCard key={server.name} server={server} reload={reload} />
				))}
			</ul>
			{making && <NewServer onClose={() => setMaking(false)} onMade={reload} />}
		</>
	);
}
