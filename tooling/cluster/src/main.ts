/**
 * `pnpm test:cluster`: the tests on real PostgreSQL servers that take minutes
 * or need more than npm brings. Installs what is missing from Debian's packages
 * when run as root, and otherwise says what that is, and fails.
 *
 *   pnpm test:cluster                 all, half an hour
 *   pnpm test:cluster -- --short      for CI: a short soak, two histories, backup and recovery
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { postgresTools } from './debian-tools.ts';
import { root } from './repository.ts';
import { runVitest } from './run-vitest.ts';

const here = join(root, 'tooling/cluster');

/** One subject of these tests. */
interface Part {
  readonly name: string;
  /** Whether CI has the time for it. */
  readonly inShort: boolean;
  /** Returns how many tests of it passed and failed. */
  readonly run: (short: boolean) => Promise<{ readonly passed: number; readonly failed: number }>;
}

const PARTS: readonly Part[] = [
  { name: 'backup and recovery', inShort: true, run: () => testFile('backup') },
  { name: 'servers that are too old', inShort: false, run: () => testFile('old-server') },
  {
    name: 'histories',
    inShort: true,
    run: (short) => script('../histories/src/main.ts', ['run', ...(short ? ['--short'] : [])]),
  },
  {
    name: 'histories of bad variants',
    inShort: false,
    run: () => script('../histories/src/main.ts', ['variants', 'postgres']),
  },
  { name: 'soak', inShort: true, run: (short) => script('src/soak/main.ts', short ? ['--short'] : []) },
];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function testFile(name: string) {
  const run = await runVitest(here, [`test/${name}`], {});
  if (run.failed > 0) say(run.output);
  return run;
}

async function script(file: string, args: readonly string[]) {
  const flags = ['--conditions=@querator/source', join(here, file)];
  const child = spawn(process.execPath, [...flags, ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { short: { type: 'boolean', default: false } },
});
try {
  postgresTools();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
let [passed, failed] = [0, 0];
for (const { name, run } of PARTS.filter(({ inShort }) => inShort || !values.short)) {
  say(`-- ${name}`);
  const started = performance.now();
  const result = await run(values.short);
  passed += result.passed;
  failed += result.failed;
  const seconds = Math.round((performance.now() - started) / 1_000);
  say(`-- ${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`);
}
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
