// Bars over days: uPlot, in the colours of the theme. The numbers are in a table beside it.

import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../lib/theme';
import { useValue } from '../lib/state';
import 'uplot/dist/uPlot.min.css';

export type Series = { days: number[]; values: (number | null)[]; label: string; format: (value: number) => string };

export function DayChart({ series }: { series: Series }) {
	const box = useRef<HTMLDivElement>(null);
	const chosen = useValue(theme);
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		let ended = false;
		let close: (() => void) | undefined;
		void import('uplot').then(({ default: UPlot }) => {
			if (ended) return;
			// As it is in this theme: the property itself has those of both.
			const colour = (name: string) => {
				element.style.color = `var(${name})`;
				return getComputedStyle(element).color;
			};
			const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
			const plot = new UPlot(
				{
					width: element.clientWidth,
					height: 220,
					legend: { show: false },
					cursor: { show: false },
					scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
					axes: [axis, { ...axis, size: 64, values: (_plot, values) => values.map((value) => series.format(value)) }],
					series: [
						{},
						{
							label: series.label,
							stroke: colour('--accent'),
							fill: colour('--accent'),
							paths: UPlot.paths.bars?.({ size: [0.7, 48] }),
							points: { show: false },
						},
					],
				},
				[series.days, series.values],
				element,
			);
			const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 220 }));
			watcher.observe(element);
			close = () => {
				watcher.disconnect();
				plot.destroy();
			};
		});
		return () => {
			ended = true;
			close?.();
		};
	}, [series, chosen]);
	return <div class="chart" ref={box} role="img" aria-label={`${series.label}, by day`} />;
}
