import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often the queues get more partitions, and lose them again. `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_RESIZES'] ?? 1);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** The queues, with the numbers of their partitions: before, and after they have got more. */
const SIZES = [
  ['plain', 3, 6],
  ['mortal', 2, 4],
  ['dead', 1, 3],
] as const;

describe('queues that get more partitions, and fewer, under load', {
  timeout: 120_000 + ROUNDS * 120_000,
}, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2 });
  }, 60_000);
  afterEach(() => both?.stop());

  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;

  test(`lose nothing that was acknowledged, and double nothing, whichever server is killed (seed ${SEED})`, async () => {
    const load = faultLoad(both, SEED, { severalDatabases: true });
    await load.createQueues();
    load.start(1);
    await load.more(50);
    for (let round = 0; round < 2 * ROUNDS; round++) {
      const [victim, survivor] = [round % 2, (round + 1) % 2];
      const sizes = SIZES.map(([name, before, after]) => [name, round % 2 === 0 ? after : before] as const);
      const tasks = await Promise.all(
        sizes.map(([queue_name, partitions]) => {
          // Back in two ways: items move, and consumers take them.
          const move = round % 2 === 1 && queue_name !== 'mortal';
          return call(survivor, 'queues.resize', { queue_name, partitions, move });
        }),
      );
      await load.more(5 + 20 * (round % 2));
      await both.kill(victim);
      await load.more(20);
      await both.startOne(victim);
      for (const { id } of tasks) {
        const ended = async () => expect((await call(survivor, 'tasks.get', { id })).state).toBe('done');
        await vi.waitFor(ended, { timeout: 90_000, interval: 100 });
      }
      for (const instance of [victim, survivor]) {
        for (const [queue_name, partitions] of sizes) {
          const known = async () => {
            const described = await call(instance, 'queues.describe', { queue_name });
            expect(described.partitions).toHaveLength(partitions);
          };
          await vi.waitFor(known, { timeout: 10_000, interval: 50 });
        }
      }
      await load.more(50);
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
