import { href } from '../lib/router';
import { Empty, Head } from '../parts/basic';

export function NotFound() {
	return (
		<>
			<Head title="Not found" />
			<Empty title="There is nothing at this address">
				<a href={href('runs')}>All runs</a>
			</Empty>
		</>
	);
}
