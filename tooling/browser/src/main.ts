/**
 * `npm run test:browser`: runs the tests in `test` with Debian's Chromium. As root
 * it installs the package if it is missing. On a machine that cannot have it, it
 * prints the reason, and counts nothing as passed.
 */
import { fileURLToPath } from 'node:url';
import { runVitest } from '@querator/tooling-vitest/run-vitest';
import { findChromium } from './chromium.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const folder = fileURLToPath(new URL('..', import.meta.url));

const found = findChromium();
if ('missing' in found) {
  say(`NOT RUN: browser: ${found.missing}`);
  say('0 passed, 0 failed');
} else {
  const run = await runVitest(folder, process.argv.slice(2), { QUERATOR_TEST_CHROMIUM: found.path });
  if (run.failed > 0) say(run.output);
  say(`${run.passed} passed, ${run.failed} failed`);
  process.exitCode = run.failed > 0 ? 1 : 0;
}
