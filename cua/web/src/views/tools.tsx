// MCP servers, whose tools runs can use: what each may, and what it offers.

import { useState } from 'preact/hooks';
import { list, may, path, post } from '../api/client';
import type { McpServer, McpTest, McpTool } from '../api/types';
import { useAction, useResource } from '../lib/resource';
import { Badge, Button, Empty, Facts, Failure, Head, Notice } from '../parts/basic';

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

function ServerCard({ server }: { server: McpServer }) {
	const [test, setTest] = useState<McpTest | null>(null);
	const action = useAction();
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
				{may('act') && (
					<Button
						disabled={action.busy}
						label={`Test ${server.name}`}
						onClick={() =>
							void action.run(async () => setTest(await post<McpTest>(path`/v1/mcp-servers/${server.name}/test`)))
						}
					>
						{action.busy ? 'Testing' : 'Test'}
					</Button>
				)}
			</div>
			<Facts facts={facts} />
			<Failure message={action.error} />
			{test && <Tested test={test} />}
		</li>
	);
}

export function ToolsView() {
	const { data, error } = useResource((signal) => list<McpServer>('/v1/mcp-servers', signal), []);
	return (
		<>
			<Head title="MCP servers" />
			<p class="muted">
				Each runs in a sandbox of its own; runs are offered the tools that a person approved.
			</p>
			<Failure message={error} />
			{data?.length === 0 && (
				<Empty title="No MCP servers yet">
					<p>
						On the server’s machine: <code>cua mcp-servers add NAME -- COMMAND</code>
					</p>
				</Empty>
			)}
			<ul class="stack" aria-label="MCP servers">
				{data?.map((server) => (
					<ServerCard key={server.name} server={server} />
				))}
			</ul>
		</>
	);
}
