/**
 * Measures a queue while a transaction elsewhere stays open, so that vacuum
 * cannot remove dead rows: the classic failure of queues on PostgreSQL. Two
 * databases of one server do the same work, one of them with such a transaction.
 * They take turns every fraction of a second, so that a slow machine affects
 * both. Prints the lease times and the throughput as dead rows accumulate.
 *
 *   node --conditions=@querator/source tooling/cluster/src/held/main.ts [--items N] [--instances N] [--batch N]
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import { quantile } from './quantile.ts';
import { Side } from './side.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '400000' },
    instances: { type: 'string', default: '1' },
    batch: { type: 'string', default: '100' },
  },
});
const ITEMS = Number(options.items);
const LINES = 8;
/** Items of one turn of a side. */
const TURN = 4_000;
const HEADINGS = [
  'items done',
  'p50 free',
  'held (ms)',
  'p99 free',
  'held (ms)',
  'items/s free',
  'held',
  'ratio',
  'dead rows',
];

const say = (line: string) => process.stdout.write(`${line}\n`);
const row = (columns: readonly string[]) => say(columns.map((column) => column.padStart(13)).join(''));
const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } });
const newDatabase = async () => (await createTestDatabase(cluster.connectionString())).connectionString;
try {
  const load = { instances: Number(options.instances), batch: Number(options.batch) };
  const free = await Side.start(await newDatabase(), { ...load, held: false });
  const held = await Side.start(await newDatabase(), { ...load, held: true });
  row(HEADINGS);
  const ratios: number[] = [];
  for (let line = 1; line <= LINES; line++) {
    for (let turns = ITEMS / LINES / TURN; turns > 0; turns--) {
      // The order alternates, so that neither side is always second.
      for (const side of ratios.length % 2 === 0 ? [free, held] : [held, free]) await side.turn(TURN);
      ratios.push(held.lastRate / free.lastRate);
    }
    const [without, withIt] = [free.takeFigures(), held.takeFigures()];
    row([
      String((line * ITEMS) / LINES),
      ...[without.leaseTimes, withIt.leaseTimes].map((times) => quantile(times, 0.5).toFixed(2)),
      ...[without.leaseTimes, withIt.leaseTimes].map((times) => quantile(times, 0.99).toFixed(2)),
      ...[without.rate, withIt.rate].map((rate) => String(Math.round(rate))),
      percent(withIt.rate / without.rate),
      String(await held.deadRows()),
    ]);
  }
  const [without, withIt] = [free.totals(), held.totals()];
  const slower = quantile(withIt.leaseTimes, 0.5) / quantile(without.leaseTimes, 0.5);
  say(`lease p50 with the transaction held: x${slower.toFixed(2)}`);
  say(`items/s with the transaction held: ${percent(withIt.rate / without.rate)} of those without;`);
  const quartiles = [0.25, 0.5, 0.75].map((q) => percent(quantile(ratios, q)));
  say(`  turn by turn: quartiles ${quartiles.join(', ')} of ${ratios.length}`);
  await free.end();
  await held.end();
} finally {
  await cluster.stop();
}
