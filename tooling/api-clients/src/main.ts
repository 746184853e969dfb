/**
 * `npm run test:clients`: programs of others against a server. Schemathesis sends
 * generated requests and checks the replies against the OpenAPI document; a generated
 * Python client and the examples in other languages produce, lease and complete. It
 * installs Python packages and Go modules with the ordinary clients. Parts that cannot
 * run here are named, and count as neither passed nor failed.
 *
 *   npm run test:clients                all, about ten minutes
 *   npm run test:clients -- --short     without random requests, for CI
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runVitest } from '@querator/tooling-vitest/run-vitest';
import { answers, installPython } from './python.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const say = (line: string) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });

const files: string[] = [];
const env: Record<string, string> = { QUERATOR_TEST_SHORT: values.short ? '1' : '' };

const python = await installPython();
if ('missing' in python) {
  say(`NOT RUN: clients: schemathesis, generated Python client: ${python.missing}`);
} else {
  files.push('test/schemathesis.test.ts', 'test/python-client.test.ts');
  env['QUERATOR_TEST_PYTHON'] = python.folder;
}

for (const [language, program, args] of [
  ['curl', 'curl', ['--version']],
  ['python', 'python3', ['--version']],
  ['go', 'go', ['version']],
] as const) {
  if (await answers(program, args)) files.push(`test/example-${language}.test.ts`);
  else say(`NOT RUN: clients: example for ${language}: there is no ${program}`);
}

const { passed, failed, output } = await runVitest(folder, files, env);
if (failed > 0) say(output);
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
