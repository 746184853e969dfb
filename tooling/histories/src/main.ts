/**
 * `npm run histories`: records what clients of several servers see during faults,
 * and checks it.
 *
 *   run [--short] [--failover] [--seed N] [--seeds N] [--instances N] [--calm MS] [--faults N]
 *                       --failover: on a primary and its standby, of Debian's packages
 *                       --patroni instead: on three nodes under Debian's Patroni
 *                       --sqlite instead: one server on files of SQLite
 *   check FILE          checks a saved history again
 *   doubles [--produces N] [--seed N]
 *                       produces under dedup keys through faults, 1,000,000 by default, and counts what is stored
 *   variants [WORD…]    the known-bad variants whose names contain the words
 *
 *   --results FOLDER    the folder of failed histories
 */
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { firstSeed, formOf } from './forms.ts';
import type { History } from './history/history.ts';
import { loadHistory } from './history/history-file.ts';
import { judge } from './judge.ts';
import { withPair, withPatroni, withServer } from './run/databases.ts';
import { doublesRun } from './run/doubles-run.ts';
import { PATRONI_FAULTS, SHORT_PATRONI_FAULTS } from './run/patroni-faults.ts';
import { postgresRun } from './run/postgres-run.ts';
import { serviceGaps } from './run/service-gaps.ts';
import { sqliteRun } from './run/sqlite-run.ts';
import { tryOnMemory, tryOnPostgres } from './variants/try-variant.ts';
import { nameOf, type Variant, type VariantStorage, variantsOf } from './variants/variant.ts';

const RESULTS = fileURLToPath(new URL('../test-results/histories', import.meta.url));

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    failover: { type: 'boolean', default: false },
    patroni: { type: 'boolean', default: false },
    sqlite: { type: 'boolean', default: false },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    instances: { type: 'string' },
    calm: { type: 'string' },
    faults: { type: 'string' },
    produces: { type: 'string' },
    results: { type: 'string', default: RESULTS },
  },
});
const folder = values.results;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** A number of the command line. @throws Error when it is not a number. */
function count(
  name: 'seed' | 'seeds' | 'instances' | 'calm' | 'faults' | 'produces',
  otherwise: number,
): number {
  const text = values[name];
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`invalid --${name} '${text}'; expected a whole number`);
  return Number(text);
}

/** @returns whether all histories were accepted. */
function run(): Promise<boolean> {
  const form = formOf(values);
  // A random seed by default, so that every run may find something new.
  const first = count('seed', firstSeed(Math.random()));
  const seeds = count('seeds', values.seed === undefined ? form.seeds : 1);
  const calmMs = count('calm', form.calm);
  const faults = count('faults', form.faults);
  const failovers = Math.min(form.failovers, faults);
  const withDatabase = values.patroni ? withPatroni : values.failover ? withPair : withServer;
  const kinds = values.short ? SHORT_PATRONI_FAULTS : PATRONI_FAULTS;
  const on = values.patroni ? ' under Patroni' : values.failover ? ' with failover' : '';
  return withDatabase(async (database) => {
    let failed = 0;
    const judged = { leases: 0, of: 0 };
    for (let seed = first; seed < first + seeds; seed++) {
      say(`seed ${seed}${on}`);
      const instances = count('instances', values.patroni ? 2 : 2 + (Math.floor(seed / 2) % 2));
      const history = await postgresRun(database, {
        ...{ seed, instances, calmMs, faults, failovers },
        ...(values.patroni ? { kinds } : {}),
        origin: `postgres${on}, ${instances} instances, seed ${seed}`,
      });
      const { rules, text, order } = judge(history, folder);
      judged.leases += order.judged;
      judged.of += order.leases;
      if (rules.length > 0) failed++;
      say(text);
      if (values.patroni) for (const line of gapLines(history)) say(line);
    }
    say(
      `${seeds - failed} histories accepted, ${failed} failed; order judged in ${judged.leases} of ${judged.of} leases`,
    );
    return failed === 0;
  });
}

/** @returns whether all histories on SQLite were accepted. */
async function runOnSqlite(): Promise<boolean> {
  const form = formOf(values);
  const first = count('seed', firstSeed(Math.random()));
  const seeds = count('seeds', values.seed === undefined ? form.seeds : 1);
  const [calmMs, faults] = [count('calm', form.calm), count('faults', form.faults)];
  let failed = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    say(`seed ${seed} on SQLite`);
    const history = await sqliteRun({ seed, calmMs, faults, origin: `sqlite, seed ${seed}` });
    const { rules, text } = judge(history, folder);
    if (rules.length > 0) failed++;
    say(text);
  }
  say(`${seeds - failed} histories accepted, ${failed} failed`);
  return failed === 0;
}

/** The times without service around the faults of a run, for the documentation. */
function gapLines(history: History): readonly string[] {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return serviceGaps(history).map(
    ({ disturbance, instance, produceMs, completeMs }) =>
      `measured: ${disturbance.what}, mended after ${seconds(disturbance.to - disturbance.from)}: server ` +
      `${instance} (${instance % 2 === 0 ? 'all hosts' : 'HAProxy'}) no produce for ${seconds(produceMs)}, ` +
      `no complete for ${seconds(completeMs)}`,
  );
}

/** @returns whether the history was accepted. */
function check(file: string | undefined): boolean {
  if (file === undefined) throw new Error('which history? pnpm histories check FILE');
  const { rules, text } = judge(loadHistory(file), join(folder, 'checked'));
  say(text);
  return rules.length === 0;
}

/** @returns whether every item was stored once. */
function doubles(): Promise<boolean> {
  const produces = count('produces', 1_000_000);
  const seed = count('seed', firstSeed(Math.random()));
  const instances = count('instances', 2);
  return withServer(async (database) => {
    say(`seed ${seed}, ${produces} produces at ${instances} instances`);
    const result = await doublesRun(database, { seed, produces, instances, clients: 64 });
    for (const [name, value] of Object.entries(result)) say(`${name}: ${value}`);
    return result.doubles === 0 && result.missing === 0 && result.otherIds === 0;
  });
}

/** @returns whether all variants were caught. */
async function variants(words: readonly string[]): Promise<boolean> {
  const chosen = (storage: VariantStorage) =>
    variantsOf(storage).filter((variant) => words.every((word) => nameOf(variant).includes(word)));
  const inMemory = chosen('memory');
  const onPostgres = chosen('postgres');
  let survivors = 0;
  const attempt = async ({ storage, name }: Variant, trial: () => ReturnType<typeof tryOnMemory>) => {
    const started = performance.now();
    const { runs, rules } = await trial();
    if (rules.length === 0) survivors++;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(6);
    const verdict = rules.length === 0 ? 'SURVIVED' : `caught by ${rules.join(', ')}`;
    say(`${storage.padEnd(9)} ${name.padEnd(54)} ${runs} seeds ${seconds} s  ${verdict}`);
  };
  for (const each of inMemory) await attempt(each, () => tryOnMemory(folder, each.seeds, each));
  for (const [withDatabase, onFailover] of [
    [withServer, false],
    [withPair, true],
  ] as const) {
    const some = onPostgres.filter((each) => each.onFailover === onFailover);
    if (some.length === 0) continue;
    await withDatabase(async (database) => {
      for (const each of some) await attempt(each, () => tryOnPostgres(database, folder, each));
    });
  }
  const total = inMemory.length + onPostgres.length;
  if (total === 0) throw new Error(`no variant is called '${words.join(' ')}'`);
  say(`${total - survivors} of ${total} variants caught`);
  return survivors === 0;
}

async function main(): Promise<boolean> {
  const [command, ...rest] = positionals;
  switch (command) {
    case 'run':
      return values.sqlite ? runOnSqlite() : run();
    case 'check':
      return check(rest[0]);
    case 'doubles':
      return doubles();
    case 'variants':
      return variants(rest);
    default:
      throw new Error(`unknown command '${command ?? ''}'; expected run, check, doubles or variants`);
  }
}

async function exitCode(): Promise<number> {
  try {
    return (await main()) ? 0 : 1;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

// Exits explicitly: after connections were cut during a write, Node 24.21 sometimes spins forever when it
// ends by itself.
process.exit(await exitCode());
