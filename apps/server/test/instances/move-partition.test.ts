import { ITEMS_STORAGE } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often the partitions move. `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_MOVES'] ?? 2);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SECOND = 'second';
/** One of each queue: with several partitions, with dead letters, and the dead-letter queue. */
const PARTITIONS = [
  ['plain', 1],
  ['mortal', 0],
  ['dead', 0],
] as const;

describe('partitions that move between two databases under load', {
  timeout: 120_000 + ROUNDS * 60_000,
}, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2, second: SECOND });
  }, 60_000);
  afterEach(() => both?.stop());

  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;

  test(`lose nothing that was acknowledged, and double nothing, whichever server is killed (seed ${SEED})`, async () => {
    const load = faultLoad(both, SEED, { severalDatabases: true });
    await load.createQueues();
    load.start(1);
    await load.more(50);
    for (let round = 0; round < ROUNDS; round++) {
      const [victim, survivor] = [round % 2, (round + 1) % 2];
      const storage_name = round % 2 === 0 ? SECOND : ITEMS_STORAGE;
      const tasks = await Promise.all(
        PARTITIONS.map(([queue_name, partition]) =>
          call(survivor, 'tasks.create', { kind: 'move_partition', queue_name, partition, storage_name }),
        ),
      );
      await load.more(20 + 20 * (round % 3));
      await both.kill(victim);
      await load.more(20);
      // The task may wait for the server that is gone to disappear from the list of those that run.
      await both.startOne(victim);
      for (const { id } of tasks) {
        const ended = async () => expect((await call(survivor, 'tasks.get', { id })).state).toBe('done');
        await vi.waitFor(ended, { timeout: 60_000, interval: 100 });
      }
      for (const instance of [victim, survivor]) {
        for (const [queue_name, partition] of PARTITIONS) {
          const placed = async () => {
            const { partitions } = await call(instance, 'queues.describe', { queue_name });
            expect(partitions[partition]).toMatchObject({ storage_name });
            expect(partitions[partition].moving_to).toBeUndefined();
          };
          await vi.waitFor(placed, { timeout: 10_000, interval: 50 });
        }
      }
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
