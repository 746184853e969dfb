/**
 * Checks that a partition with millions of items is as fast as one with a few
 * thousand: while items wait, after a restart, and when they are deleted but an
 * open transaction keeps their rows. A small and a large database of one server
 * do the same work in turns. Fails when a bound is missed.
 *
 *   node --conditions=@querator/source tooling/cluster/src/size/main.ts [--items N] [--turns N] [--short]
 *
 * `--short` is for CI: fewer items, and wider bounds for rates, since CI runs other work at the same time.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import { quantile } from '../held/quantile.ts';
import { SizedQueue } from './sized-queue.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string' },
    turns: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const ITEMS = Number(options.items ?? (options.short ? 300_000 : 10_000_000));
const TURNS = Number(options.turns ?? (options.short ? 8 : 20));
/** The lowest acceptable rate, as a share of the rate with few items. */
const LEAST = options.short ? 0.6 : 0.9;
const FEW = 10_000;
/** Requests of each kind in one turn of a side. */
const REQUESTS = 20;

const say = (line: string) => process.stdout.write(`${line}\n`);
const count = (items: number) => items.toLocaleString('en');

/** Prints a result. A missed bound makes the program fail. */
function judge(what: string, value: string, isGood: boolean): void {
  say(`${isGood ? 'ok  ' : 'MISS'} ${what}: ${value}`);
  if (!isGood) process.exitCode = 1;
}

const median = (values: readonly number[]) => quantile(values, 0.5);
const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;

/** The rate of the large side as a share of the small one's: the median over all turns except the first. */
async function compare(
  small: SizedQueue,
  large: SizedQueue,
): Promise<{ readonly produce: number; readonly lease: number }> {
  const ratios = { produce: [] as number[], lease: [] as number[] };
  for (let turn = 0; turn <= TURNS; turn++) {
    // The order alternates, so that neither side is always second.
    const first = await (turn % 2 === 0 ? small : large).work(REQUESTS);
    const second = await (turn % 2 === 0 ? large : small).work(REQUESTS);
    const [few, many] = turn % 2 === 0 ? [first, second] : [second, first];
    if (turn === 0) continue;
    ratios.produce.push(median(few.produce) / median(many.produce));
    ratios.lease.push(median(few.lease) / median(many.lease));
  }
  return { produce: median(ratios.produce), lease: median(ratios.lease) };
}

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '8GB' } });
const newDatabase = async () => (await createTestDatabase(cluster.connectionString())).connectionString;
try {
  const small = await SizedQueue.make(await newDatabase(), FEW);
  const large = await SizedQueue.make(await newDatabase(), ITEMS);
  say(`${count(ITEMS)} items wait, beside ${count(FEW)}`);
  const waiting = await compare(small, large);
  judge('produce, of the rate with few', waiting.produce.toFixed(2), waiting.produce >= LEAST);
  judge('lease, of the rate with few', waiting.lease.toFixed(2), waiting.lease >= LEAST);
  const restarted = await large.firstLeaseOfServer();
  judge('first lease of a server that starts', seconds(restarted), restarted <= 1_000);

  await large.killAllBehindTransaction();
  say(`${count(ITEMS)} items are dead, and a transaction is open`);
  const dead = await compare(small, large);
  judge('lease p50, of that without', (1 / dead.lease).toFixed(2), 1 / dead.lease <= 2);
  await large.add();
  const started = await large.firstLeaseOfServer();
  judge('first lease of a server that starts', seconds(started), started <= 1_000);
  await large.forgetMarks();
  const alone = await large.firstLeaseOfServer();
  say(`     where nothing was written down: ${seconds(alone)}`);
  await small.end();
  await large.end();
} finally {
  await cluster.stop();
}
