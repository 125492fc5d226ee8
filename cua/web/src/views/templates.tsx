// What kinds of work need: instructions, tools, policy, model, limits, desktop, in one file each.

import { list } from '../api/client';
import type { Template } from '../api/types';
import { useResource } from '../lib/resource';
import { Badge, Failure, Head, Notice } from '../parts/basic';

export function TemplatesView() {
	const { data, error } = useResource((signal) => list<Template>('/v1/templates', signal), []);
	return (
		<>
			<Head title="Templates" />
			<p class="muted">
				A kind of work in one file: instructions, tools, policy, model, limits, desktop. <code>cua templates</code> shows
				and makes them, on the server’s machine.
			</p>
			<Failure message={error} />
			<ul class="cards" aria-label="Templates">
				{data?.map((template) => (
					<li key={template.name} class="card stack tight">
						<div class="row between">
							<h2>{template.name}</h2>
							{template.is_own && <Badge>your own</Badge>}
						</div>
						{template.problem ? <Notice kind="bad">{template.problem}</Notice> : <p>{template.description}</p>}
					</li>
				))}
			</ul>
		</>
	);
}
