// A run as it goes on: its row, its journal, and the words of its model as they come.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get, path } from '../../api/client';
import { follow } from '../../api/stream';
import type { Run, RunNow } from '../../api/types';
import { useFeed } from '../../lib/feed';
import { type Resource, useResource } from '../../lib/resource';
import { addEvent, emptyStory, type Event, type Story } from './journal';

export type Watched = Resource<Run> & {
	story: Story;
	/** Of the answer that the model is giving. */
	words: string;
	now: RunNow | null;
};

export function useRun(id: string): Watched {
	const row = useResource((signal) => get<Run>(path`/v1/runs/${id}`, signal), [id]);
	const [story, setStory] = useState(emptyStory);
	const [words, setWords] = useState('');
	const [now, setNow] = useState<RunNow | null>(null);
	const latest = useRef(story);
	useFeed(['run'], row.reload, (message) => message.run === id);

	useEffect(() => {
		let frame = 0;
		latest.current = emptyStory;
		// A journal of a thousand events comes at once, and is drawn once.
		const draw = () => {
			frame ||= requestAnimationFrame(() => {
				frame = 0;
				setStory(latest.current);
			});
		};
		const stop = follow({
			path: () => `${path`/v1/runs/${id}/events`}?after=${latest.current.seq}`,
			onMessage: (message) => {
				if (message.event) {
					const event = message.event as Event;
					latest.current = addEvent(latest.current, event);
					if (event.type === 'turn') setWords('');
					draw();
				} else if (message.state) {
					setNow(message.state as RunNow);
				} else if (typeof message.words === 'string') {
					const piece = message.words;
					setWords((before) => (message.anew ? piece : before + piece));
				} else if (message.over) {
					setNow(null);
					stop();
					row.reload();
				}
			},
		});
		return () => {
			cancelAnimationFrame(frame);
			stop();
		};
	}, [id]);

	return { ...row, story, words, now };
}
