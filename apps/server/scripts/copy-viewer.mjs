/** Copies the viewer of the API's page into the build, with its licenses: the published package has no dependency on it. */
import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The files, and their names in the build. A file called LICENSE anywhere in the package
 * would keep pnpm from adding our own.
 */
const FILES = {
  'swagger-ui-bundle.js': 'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt': 'swagger-ui-bundle.js.LICENSE.txt',
  'swagger-ui.css': 'swagger-ui.css',
  LICENSE: 'swagger-ui.LICENSE.txt',
  NOTICE: 'swagger-ui.NOTICE.txt',
};

const from = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const to = fileURLToPath(new URL('../dist/viewer', import.meta.url));
mkdirSync(to, { recursive: true });
for (const [name, as] of Object.entries(FILES)) cpSync(join(from, name), join(to, as));
