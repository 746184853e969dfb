/**
 * `npm run test:postgres-matrix`: the contract suite and the driver's tests on
 * every supported major version of PostgreSQL.
 *
 *   npm run test:postgres-matrix                 all versions
 *   npm run test:postgres-matrix -- 12 16        these versions
 *   npm run test:postgres-matrix -- --short      for CI: the oldest version and one in the middle, with the tests
 *                                                that depend on the server; `npm test` covers the newest version
 *
 * npm downloads the servers that no package depends on into .tools.
 */
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { INSTALLED_VERSION, SUPPORTED_VERSIONS } from '@querator/tooling-postgres';
import { runVitest } from '@querator/tooling-vitest/run-vitest';
import { root } from './repository.ts';

const SHORT_VERSIONS = [12, 15];
/**
 * Tests of fault injection, pools and TLS do not depend on the server's version,
 * nor do the longest random runs.
 */
const SHORT_FILES = [
  'conformance',
  'schema',
  'permissions',
  'storage-parameters',
  'queue-plans',
  'documents',
];
/** The number of the contract's random runs on each version. */
const SHORT_ENV = { QUERATOR_MODEL_RUNS: '5' };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

// npm and pnpm differ in passing on the `--`.
const args = process.argv.slice(2).filter((arg) => arg !== '--');
const { values, positionals } = parseArgs({
  args,
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const asked = positionals.map(Number);
const unknown = asked.filter((version) => !SUPPORTED_VERSIONS.includes(version));
if (unknown.length > 0) {
  say(`No such version: ${unknown.join(', ')}. There are ${SUPPORTED_VERSIONS.join(', ')}.`);
  process.exit(1);
}
const versions = asked.length > 0 ? asked : values.short ? SHORT_VERSIONS : SUPPORTED_VERSIONS;
const files = values.short ? SHORT_FILES.map((name) => `test/${name}`) : [];
let [passed, failed] = [0, 0];

async function testVersion(version: number): Promise<void> {
  const env = { QUERATOR_TEST_POSTGRES_VERSION: String(version), QUERATOR_TEST_POSTGRES_URL: '' };
  const run = await runVitest(join(root, 'packages/storage-postgres'), files, {
    ...env,
    ...(values.short ? SHORT_ENV : {}),
  });
  passed += run.passed;
  failed += run.failed;
  const newest = version === INSTALLED_VERSION ? ' (the one npm test uses)' : '';
  say(`PostgreSQL ${version}${newest}: ${run.passed} passed, ${run.failed} failed (${run.seconds} s)`);
  if (run.failed > 0) say(run.output);
}

// Most of the contract is one file, which leaves a processor to another version.
if (values.short) await Promise.all(versions.map(testVersion));
else for (const version of versions) await testVersion(version);
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
