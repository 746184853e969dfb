import { parseDuration, SystemClock, SystemRandom } from '@querator/core';
import { sqliteBackend } from '../src/index.ts';

/**
 * One of several processes on a file. `node consumer-process.ts PATH NAME`
 * produces items, completes all that it can lease, and prints the texts of the
 * produced and of the completed items. It exits without closing, like a crash.
 */
const [path = '', name = ''] = process.argv.slice(2);
const backend = sqliteBackend({ name, path, clock: new SystemClock(), random: new SystemRandom() });
const partition = backend.partitionStore({ queue: 'mail', partition: 0 });

const texts = (round: number) => [0, 1, 2].map((n) => `${name}-${round}-${n}`);
const produced: string[] = [];
const completed: string[] = [];
for (let round = 0; round < 50; round++) {
  const items = texts(round).map((reference) => ({
    encoding: '',
    kind: '',
    reference,
    payload: new Uint8Array(),
  }));
  await partition.produce([{ items }], parseDuration('1h'));
  produced.push(...texts(round));
  const leased = await partition.lease({ limit: 4, leaseTimeout: parseDuration('1h') });
  const [kept, ...done] = leased;
  if (kept !== undefined) await partition.release([kept.id]);
  const [outcome] = await partition.complete([{ ids: done.map((item) => item.id) }]);
  if (outcome?.ok !== true) throw new Error(`an item leased by ${name} was not its own`);
  completed.push(...done.map((item) => item.reference));
}
process.stdout.write(JSON.stringify({ produced, completed }));
