/**
 * `npm start` after installation and build. Its one argument is the JSON of the
 * options that `tooling/bootstrap` read from the command line.
 */
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { StartOptions } from './plan.ts';
import { run } from './run.ts';
import { StartFailed } from './start-failed.ts';
import { listenForStop } from './stop-request.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const options = JSON.parse(process.argv[2] ?? '{}') as StartOptions;
const stop = listenForStop();
// A closed terminal must not prevent an orderly stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
try {
  process.exitCode = await run(options, {
    stateDir: join(root, '.querator'),
    executable: join(root, 'apps', 'server', 'dist', 'main.js'),
    say: (text) => process.stderr.write(`${text}\n`),
    stop,
  });
} catch (error) {
  if (!(error instanceof StartFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
