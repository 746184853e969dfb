import { fileURLToPath } from 'node:url';

/**
 * The folder of the built page, as an absolute path: `index.html`, and its files in `assets`, whose
 * names change with their contents. A clone has it after a build.
 */
export const consoleFolder: string = fileURLToPath(new URL('../dist/page/', import.meta.url));
