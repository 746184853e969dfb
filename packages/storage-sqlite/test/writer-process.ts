import process from 'node:process';
import { parseDuration, SystemClock, SystemRandom } from '@querator/core';
import { sqliteBackend } from '../src/index.ts';

/*
 * Writes to a file step by step: each message of the parent is one step, and the answer
 * says which payloads the partition holds once the step is acknowledged.
 */
const [path = ''] = process.argv.slice(2);
const backend = sqliteBackend({ name: 'disk', path, clock: new SystemClock(), random: new SystemRandom() });
const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
const held = new Set<string>();

async function step(number: number): Promise<void> {
  if (number % 3 === 2) {
    const items = await partition.lease({ limit: 3, leaseTimeout: parseDuration('1h') });
    await partition.complete([{ ids: items.map(({ id }) => id) }]);
    for (const { payload } of items) held.delete(nameOf(payload));
    return;
  }
  const names = Array.from({ length: 1 + (number % 5) }, (_, index) => `${number}-${index}`);
  // Some are larger than a page.
  const payloads = names.map((name) => new TextEncoder().encode(name.padEnd(number % 4 === 0 ? 9_000 : 40)));
  const items = payloads.map((payload) => ({ encoding: '', kind: '', reference: '', payload }));
  await partition.produce([{ items }], parseDuration('24h'));
  for (const name of names) held.add(name);
}

function nameOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload).trim();
}

process.on('message', (number: number) => {
  void step(number).then(() => process.send?.([...held].sort()));
});
process.send?.([]);
