import { defineConfig } from 'vite';

export default defineConfig({
	base: '/',
	// noVNC waits at its top for what the browser can decode.
	build: {
		target: 'es2022',
		// A data: address would be a font or a style that the content security policy refuses.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		chunkSizeWarningLimit: 1000,
	},
});
