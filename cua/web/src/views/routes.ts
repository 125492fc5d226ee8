// The views, by the first part of the address.

import type { FunctionComponent } from 'preact';
import { RunsView } from './runs/runs';

export type ViewProps = { parts: string[]; query: URLSearchParams };

export { NotFound } from './not-found';

export const routes: Record<string, FunctionComponent<ViewProps>> = {
	runs: RunsView,
};
