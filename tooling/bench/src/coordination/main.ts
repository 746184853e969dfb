import process from 'node:process';
import { parseArgs } from 'node:util';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { coordinationTable, leastOf, type MeasuredCase, measureCase } from './measure-case.ts';

/*
 * What partitions and storages cost a server: the CPU time of its process, per item and while nothing happens.
 * CPU time tells the same on a busy machine; the time of the databases is not in it.
 *
 *   pnpm --filter @querator/tooling-bench coordination
 *   pnpm --filter @querator/tooling-bench coordination -- --items 50000 --idle 30
 */
const { values } = parseArgs({
  // pnpm passes its own separator on.
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    items: { type: 'string', default: '20000' },
    idle: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
});

/** Partitions of the queue, and the databases that they are distributed over. 0: in memory, the engine alone. */
const CASES: readonly (readonly [partitions: number, databases: number])[] = [
  [1, 0],
  [16, 0],
  [64, 0],
  [1, 1],
  [4, 1],
  [16, 1],
  [64, 1],
  [4, 2],
  [16, 2],
  [4, 4],
  [16, 4],
];

// The timers of the engine do not keep a process alive.
const alive = setInterval(() => {}, 1_000);
// What is not flushed to a disk costs this process the same.
const most = Math.max(...CASES.map(([, databases]) => databases));
const clusters = await Promise.all(
  Array.from({ length: most }, () => startTemporaryCluster({ volatile: true })),
);
const servers = clusters.map((cluster) => cluster.connectionString());
const rounds = Number(values.rounds);
const measured: MeasuredCase[][] = CASES.map(() => []);
// Each round measures all cases, so that none of them gains by code that was compiled for an earlier one.
for (let round = 1; round <= rounds; round++) {
  for (const [n, [partitions, databases]] of CASES.entries()) {
    const options = { items: Number(values.items), idleMs: Number(values.idle) * 1_000 };
    measured[n]?.push(await measureCase({ partitions, databases, ...options }, servers));
    process.stderr.write(`round ${round} of ${rounds}: ${n + 1} of ${CASES.length}\n`);
  }
}
await Promise.all(clusters.map((cluster) => cluster.stop()));
clearInterval(alive);
process.stdout.write(coordinationTable(measured.map(leastOf)));
