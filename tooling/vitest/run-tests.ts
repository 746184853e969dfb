/**
 * `npm test`: runs every package's tests through turbo. It prints the failures
 * with their reasons, then one line of counts, summed over the reports of all
 * packages. For a cached package, turbo restores the report too.
 *
 * Arguments go to turbo: `npm test -- --force`, `npm test -- --filter=@querator/core`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { countReport, formatCounts, sumCounts } from './counts.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const REPORT = join('test-results', 'report.json');

/** Arguments before a `--` are for turbo, those after it for Vitest. */
const args = [
  'run',
  'test',
  '--continue=always',
  // The longest package must not wait for the short ones: it would end alone, on one processor.
  '--concurrency=3',
  '--log-order=grouped',
  '--output-logs=new-only',
];
const given = process.argv.slice(2);
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };

/** Folders of the packages that this run covers and that have tests. */
function packagesWithTests(): string[] {
  const cut = given.includes('--') ? given.indexOf('--') : given.length;
  const plan = spawnSync('turbo', ['run', 'test', ...given.slice(0, cut), '--dry=json'], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (plan.status !== 0) {
    process.stderr.write(`${plan.stdout}${plan.stderr}`);
    process.exit(plan.status ?? 1);
  }
  const { tasks } = JSON.parse(plan.stdout) as {
    tasks: { task: string; command: string; directory: string }[];
  };
  const wanted = tasks.filter(({ task, command }) => task === 'test' && command !== '<NONEXISTENT>');
  return wanted
    .map(({ directory }) => directory)
    .filter((directory) => globSync('{src,test}/**/*.test.ts', { cwd: join(root, directory) }).length > 0);
}

/** Turbo receives the terminal's Ctrl-C and stops its tasks; this process only waits for its end. */
async function runTurbo(): Promise<number> {
  const turbo = spawn('turbo', [...args, ...given], { cwd: root, env, stdio: 'inherit' });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (name !== 'SIGINT' || !process.stdin.isTTY) turbo.kill(name);
    });
  }
  const [code] = (await once(turbo, 'exit')) as [number | null];
  return code ?? 1;
}

const packages = packagesWithTests();
// Remove the reports of earlier runs, so that none replaces one that this run failed to write.
for (const folder of packages) rmSync(join(root, folder, REPORT), { force: true });
const code = await runTurbo();
const counts = sumCounts(packages.map((folder) => countReport(join(root, folder, REPORT), folder)));
// Turbo also fails without a failure in a report: a type error in a config file, an error after the last test.
if (code !== 0 && counts.failed === 0) counts.failed = 1;
if (counts.failures.length > 0) process.stdout.write(`\nFailed:\n${counts.failures.join('\n')}\n`);
process.stdout.write(`${formatCounts(counts)}\n`);
process.exitCode = counts.failed > 0 ? 1 : code;
