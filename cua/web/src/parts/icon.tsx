// Drawings of one line, in the colour of the text beside them.

const drawings = {
	runs: 'M5 4l14 8-14 8z',
	desktops: 'M3 5h18v11H3zM8 20h8M12 16v4',
	projects: 'M3 6h6l2 2h10v11H3z',
	templates: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13h6M9 17h6',
	models: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5',
	tools: 'M14 7a4 4 0 015-4l-2.5 3 1.5 2 3-1a4 4 0 01-5.5 4L8 18.5A2.1 2.1 0 015 15.5z',
	usage: 'M4 20V10M10 20V4M16 20v-7M21 20H3',
	settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
	menu: 'M4 7h16M4 12h16M4 17h16',
	close: 'M6 6l12 12M18 6L6 18',
	plus: 'M12 5v14M5 12h14',
	pause: 'M8 5v14M16 5v14',
	play: 'M7 5l11 7-11 7z',
	stop: 'M6 6h12v12H6z',
	interrupt: 'M13 3L5 14h6l-1 7 8-11h-6z',
	hand: 'M8 13V5.5a1.5 1.5 0 013 0V11m0-6.5a1.5 1.5 0 013 0V11m0-5a1.5 1.5 0 013 0v7c0 5-2.5 8-6.5 8-3 0-4.5-1.5-6-4L4 13.5a1.5 1.5 0 012.5-1.5L8 14',
	back: 'M15 5l-7 7 7 7',
	next: 'M9 5l7 7-7 7',
	upload: 'M12 16V4M7 9l5-5 5 5M4 20h16',
	download: 'M12 4v12M7 11l5 5 5-5M4 20h16',
	file: 'M6 3h9l4 4v14H6zM14 3v5h5',
	folder: 'M3 6h6l2 2h10v11H3z',
	bell: 'M6 16v-5a6 6 0 0112 0v5l2 2H4zM10 21h4',
	check: 'M4 12l5 5L20 6',
	eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zM12 15a3 3 0 100-6 3 3 0 000 6z',
	trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
	expand: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
};

export type IconName = keyof typeof drawings;

export function Icon({ name }: { name: IconName }) {
	return (
		<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
			<path d={drawings[name]} />
		</svg>
	);
}
