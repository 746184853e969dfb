import { defineConfig } from 'vite';

/**
 * The page is built to `dist/page`. All addresses in it are relative, so that it works below any
 * path, and nothing is inline, so that the server's policy needs no exception.
 */
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist/page',
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The script has code of others, whose licenses go with it.
    license: { fileName: 'licenses.md' },
  },
});
