/**
 * `npm run test:cluster`: the tests on real PostgreSQL servers that take minutes
 * or need programs that npm does not have. As root it installs missing Debian
 * packages; otherwise it names them and fails.
 *
 *   npm run test:cluster                 all parts, about an hour and a half
 *   npm run test:cluster -- --short      some parts in a short form, three at a time, for CI
 *   npm run test:cluster -- TLS soak     these parts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  patroniPrograms,
  poolerProgram,
  postgresServerTools,
  postgresTools,
  promtoolProgram,
  redisProgram,
} from '@querator/tooling-postgres/debian';
import { runVitest } from '@querator/tooling-vitest/run-vitest';
import { whyNoMoto } from './moto.ts';
import { OLDER_VERSIONS, olderVersion, whyNoOlderVersion } from './older-version.ts';
import { root } from './repository.ts';
import { whyNoSmallDisk } from './small-disk.ts';

const here = join(root, 'tooling/cluster');

/** One subject of these tests. */
interface Part {
  readonly name: string;
  /** Whether it is part of `--short`. */
  readonly inShort: boolean;
  /** Whether it mostly waits, for a fault to end or a minute to pass, and leaves the processors to another part. */
  readonly waits?: true;
  /** Whether it measures or attacks, so that nothing may run beside it. */
  readonly alone?: true;
  /** Returns why it cannot run here, or undefined. */
  readonly obstacle?: () => string | undefined;
  /** Installs the programs that only this part needs. Throws when it cannot. */
  readonly install?: (short: boolean) => void;
  /** Returns the numbers of passed and failed tests. */
  readonly run: (short: boolean) => Promise<{ readonly passed: number; readonly failed: number }>;
}

const PARTS: readonly Part[] = [
  // The longest of those that do not wait: nothing runs beside the last part.
  { name: 'poolers', inShort: true, install: installPoolers, run: testPoolers },
  { name: 'backup and recovery', inShort: true, run: () => testFile('backup') },
  { name: 'one client', inShort: true, alone: true, run: (short) => testFile('one-client', short) },
  { name: 'two tenants', inShort: false, run: (short) => testFile('two-tenants', short) },
  { name: 'full disk', inShort: true, obstacle: whyNoSmallDisk, run: () => testFile('disk-full') },
  { name: 'held transaction', inShort: true, run: (short) => testFile('held-transaction', short) },
  {
    name: 'size',
    inShort: true,
    alone: true,
    run: (short) => script('src/size/main.ts', short ? ['--short'] : []),
  },
  { name: 'servers that are too old', inShort: false, run: () => testFile('old-server') },
  { name: 'TLS', inShort: false, run: () => testFile('tls-as-libpq') },
  {
    name: 'histories',
    inShort: true,
    waits: true,
    install: postgresServerTools,
    run: histories,
  },
  {
    name: 'histories on SQLite',
    inShort: false,
    waits: true,
    run: () => script('../histories/src/main.ts', ['run', '--sqlite']),
  },
  { name: 'Patroni', inShort: true, waits: true, obstacle: whyNoPatroni, run: patroni },
  {
    name: 'histories of bad variants',
    inShort: false,
    install: postgresServerTools,
    run: () => script('../histories/src/main.ts', ['variants', 'postgres']),
  },
  {
    name: 'failover, synchronous',
    inShort: true,
    waits: true,
    install: postgresServerTools,
    run: () => testFile('synchronous-failover'),
  },
  {
    name: 'failover, asynchronous',
    inShort: false,
    install: postgresServerTools,
    run: () => testFile('asynchronous-failover'),
  },
  {
    name: 'finding the new primary',
    inShort: false,
    install: postgresServerTools,
    run: () => testFile('new-primary'),
  },
  { name: 'BullMQ', inShort: true, install: () => redisProgram(), run: () => testFile('bullmq') },
  { name: 'alert rules', inShort: true, obstacle: whyNoPromtool, run: alertRules },
  { name: 'SQS', inShort: false, obstacle: whyNoMoto, run: () => testFile('sqs') },
  { name: 'several instances', inShort: false, run: () => severalInstances() },
  { name: 'older server', inShort: true, waits: true, obstacle: whyNoOlderVersion, run: olderServer },
  { name: 'rolling upgrade', inShort: false, obstacle: whyNoOlderVersion, run: () => rollingUpgrade() },
  // It judges pauses of tenths of a second. `npm test` has moves of fewer items under SIGKILL.
  {
    name: 'moves',
    inShort: false,
    run: (short) => script('src/moves/main.ts', short ? ['--short'] : []),
  },
  {
    name: 'soak',
    inShort: true,
    run: (short) => script('src/soak/main.ts', short ? ['--short'] : []),
  },
  // Includes TLS, pools, privileges and plans on each version. In CI its short form is a separate check.
  { name: 'versions', inShort: false, run: () => script('src/matrix.ts', []) },
];

function installPoolers(short: boolean): void {
  poolerProgram('pgbouncer');
  if (short) return;
  poolerProgram('pgpool');
  // One of the pooler tests makes a failover.
  postgresServerTools();
}

/** The short form: the contract, and two servers, through PgBouncer in transaction mode. */
function testPoolers(short: boolean) {
  return short ? testFile(['poolers/conformance', 'poolers/instances'], short) : testFile('poolers');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function testFile(names: string | readonly string[], short = false) {
  const files = [names].flat().map((name) => `test/${name}`);
  const run = await runVitest(here, files, short ? { QUERATOR_CLUSTER_SHORT: '1' } : {});
  if (run.failed > 0) say(run.output);
  else for (const line of run.output.match(/measured: .*$/gm) ?? []) say(line);
  return run;
}

/** Returns why Prometheus' program that tests alert rules cannot be installed, or undefined. */
function whyNoPromtool(): string | undefined {
  return whyNot(promtoolProgram);
}

/** Cases in which alerts fire, or do not. `npm test` runs them only where `promtool` is installed already. */
async function alertRules() {
  const run = await runVitest(join(root, 'apps/server'), ['test/dashboards/alert-rules'], {});
  if (run.failed > 0) say(run.output);
  return run;
}

/** Histories on one server, and on a primary and its standby. */
async function histories(short: boolean) {
  const form = short ? ['--short'] : [];
  const single = await script('../histories/src/main.ts', ['run', ...form]);
  const pair = await script('../histories/src/main.ts', ['run', '--failover', ...form]);
  return { passed: single.passed + pair.passed, failed: single.failed + pair.failed };
}

/** Returns why Patroni, etcd and HAProxy cannot be installed, or undefined. */
function whyNoPatroni(): string | undefined {
  return whyNot(() => {
    postgresServerTools();
    patroniPrograms();
  });
}

/** Returns why programs cannot be installed, or undefined. */
function whyNot(install: () => void): string | undefined {
  try {
    install();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Histories on three nodes under Patroni. Prints the times without service. */
function patroni(short: boolean) {
  return script('../histories/src/main.ts', ['run', '--patroni', ...(short ? ['--short'] : [])]);
}

/**
 * The tests that `npm test` runs for seconds run for minutes here, and print
 * figures for the documentation.
 */
async function severalInstances() {
  const run = await runVitest(join(root, 'apps/server'), ['test/instances/', '--no-file-parallelism'], {
    ...{ QUERATOR_KILLS: '8', QUERATOR_PAUSES: '8', QUERATOR_RESTARTS: '8' },
    ...{ QUERATOR_CONCURRENT_STEPS: '1000', QUERATOR_WAKINGS: '100', QUERATOR_IDLE_QUEUES: '1000' },
  });
  const figures = run.output.split('\n').filter((line) => /statements a second|LISTEN: .* ms/.test(line));
  say(run.failed > 0 ? run.output : figures.join('\n'));
  return run;
}

/**
 * Upgrades from each older version. The test with dead letters needs one that
 * moves them as this one does.
 */
async function rollingUpgrade() {
  const total = { passed: 0, failed: 0 };
  for (const version of OLDER_VERSIONS) {
    const files = [
      'test/upgrade/rolling-upgrade',
      ...(version.sameLetters ? ['test/upgrade/dead-letters'] : []),
    ];
    const run = await runVitest(join(root, 'apps/server'), files, {
      QUERATOR_OLDER_MAIN: olderVersion(version),
      QUERATOR_OLDER_LOSES_CONNECTIONS: version.losesConnections ? '1' : '0',
    });
    total.passed += run.passed;
    total.failed += run.failed;
    say(run.failed > 0 ? run.output : `from ${version.name}: ${run.passed} passed`);
  }
  return total;
}

/** A server notices one of an earlier version, and fires schedules beside it. The short form takes the last of them. */
async function olderServer(short: boolean) {
  const total = { passed: 0, failed: 0 };
  const versions = OLDER_VERSIONS.filter(({ notifies }) => notifies);
  for (const version of short ? versions.slice(-1) : versions) {
    const files = ['test/instances/older-server', 'test/upgrade/schedules'];
    const run = await runVitest(join(root, 'apps/server'), files, {
      QUERATOR_OLDER_MAIN: olderVersion(version),
    });
    total.passed += run.passed;
    total.failed += run.failed;
    say(run.failed > 0 ? run.output : `noticed ${version.name}: ${run.passed} passed`);
  }
  return total;
}

async function script(file: string, args: readonly string[]) {
  const flags = ['--conditions=@querator/source', join(here, file)];
  const child = spawn(process.execPath, [...flags, ...args], {
    stdio: ['ignore', values.short ? 'pipe' : 'inherit', 'inherit'],
  });
  // Parts that run at the same time print their lines one part after the other.
  const lines: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  process.stdout.write(Buffer.concat(lines));
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  say(`No such part: ${unknown.join(', ')}. There are ${PARTS.map(({ name }) => `'${name}'`).join(', ')}.`);
  process.exit(1);
}
const isWanted = ({ name, inShort }: Part) =>
  positionals.length > 0 ? positionals.includes(name) : inShort || !values.short;
try {
  postgresTools();
  for (const { install } of PARTS.filter(isWanted)) install?.(values.short);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
let [passed, failed] = [0, 0];
const notRun: string[] = [];

async function runPart({ name, run, obstacle }: Part): Promise<void> {
  const reason = obstacle?.();
  if (reason !== undefined) {
    notRun.push(`NOT RUN: ${name}: ${reason}`);
    return;
  }
  say(`-- ${name}`);
  const started = performance.now();
  const result = await run(values.short);
  passed += result.passed;
  failed += result.failed;
  const seconds = Math.round((performance.now() - started) / 1_000);
  say(`-- ${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`);
}

/** Runs the parts of the first list and then what is left of the second. */
async function runLane(first: Part[], second: Part[]): Promise<void> {
  for (let part = first.shift(); part !== undefined; part = first.shift() ?? second.shift())
    await runPart(part);
}

const wanted = PARTS.filter(isWanted);
// The long forms also print measurements, which other work would disturb.
const alone = wanted.filter((part) => !values.short || part.alone);
for (const part of alone) await runPart(part);
const others = wanted.filter((part) => !alone.includes(part));
const waiting = others.filter(({ waits }) => waits);
const working = others.filter(({ waits }) => !waits);
const lanes = [runLane(waiting, working), runLane(working, waiting), runLane(waiting, working)];
await Promise.all(lanes);
for (const line of notRun) say(line);
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
