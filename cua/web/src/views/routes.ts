// The views, by the first part of the address.

import type { FunctionComponent } from 'preact';
import { DesktopsView } from './desktops/desktops';
import { ModelsView } from './models/models';
import { ProjectsView } from './projects/projects';
import { RunsView } from './runs/runs';
import { SettingsView } from './settings/settings';
import { TemplatesView } from './templates';
import { ToolsView } from './tools';
import { UsageView } from './usage';

export type ViewProps = { parts: string[]; query: URLSearchParams };

export { NotFound } from './not-found';

export const routes: Record<string, FunctionComponent<ViewProps>> = {
	runs: RunsView,
	desktops: DesktopsView,
	projects: ProjectsView,
	templates: TemplatesView,
	models: ModelsView,
	tools: ToolsView,
	usage: UsageView,
	settings: SettingsView,
};
