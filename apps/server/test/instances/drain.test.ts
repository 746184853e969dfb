import { ITEMS_STORAGE, type ServerProcessOptions } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often all partitions go from one storage to the other. */
const ROUNDS = Number(process.env['QUERATOR_DRAINS'] ?? 1);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SECOND = 'second';
/** Three of the queue `plain`, two of `mortal`, one of `dead`. */
const PARTITIONS = 6;

describe('a storage that is drained under load', { timeout: 120_000 + ROUNDS * 120_000 }, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2, second: SECOND });
  }, 60_000);
  afterEach(() => both?.stop());

  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;

  const storages = async (instance: number): Promise<readonly string[]> => {
    const queues = await Promise.all(
      ['plain', 'mortal', 'dead'].map((queue_name) => call(instance, 'queues.describe', { queue_name })),
    );
    return queues.flatMap(({ partitions }) =>
      partitions.map(({ storage_name }: { storage_name: string }) => storage_name),
    );
  };

  /** New partitions go to the second storage from now on; the first one has the queues' settings. */
  const placeOnSecond = () => restart({ [ITEMS_STORAGE]: { affinity: 0 }, [SECOND]: { affinity: 1 } });

  /** Both servers drain one storage to the other from now on, after a restart of each. */
  const drain = (from: string, to: string) =>
    restart({ [from]: { affinity: 0, drain: true }, [to]: { affinity: 1 } });

  const restart = async (placing: ServerProcessOptions['placing']) => {
    for (const instance of [0, 1]) await both.restart(instance, { placing });
  };

  test(`becomes empty though a server is killed, and nothing is lost or doubled (seed ${SEED})`, async () => {
    await placeOnSecond();
    const load = faultLoad(both, SEED, { severalDatabases: true });
    await load.createQueues();
    load.start(1);
    await load.more(50);
    for (let round = 0; round < ROUNDS; round++) {
      const [from, to] = round % 2 === 0 ? [SECOND, ITEMS_STORAGE] : [ITEMS_STORAGE, SECOND];
      await drain(from, to);
      await vi.waitFor(
        async () => {
          const tasks = await call(0, 'tasks.list', { kind: 'move_partition', state: 'running' });
          expect(tasks.items?.length ?? 0).toBeGreaterThan(0);
        },
        { timeout: 30_000, interval: 20 },
      );
      const [victim, survivor] = [round % 2, (round + 1) % 2];
      await both.kill(victim);
      await load.more(20);
      await both.startOne(victim);
      for (const instance of [victim, survivor]) {
        await vi.waitFor(async () => expect(await storages(instance)).toEqual(Array(PARTITIONS).fill(to)), {
          timeout: 90_000,
          interval: 100,
        });
      }
      const drains = async () => (await call(survivor, 'tasks.list', { kind: 'drain' })).items;
      await vi.waitFor(async () => expect((await drains())[0]).toMatchObject({ state: 'done' }), {
        ...{ timeout: 30_000, interval: 100 },
      });
      expect(await drains()).toHaveLength(round + 1);
      // The queues' settings are in the first database, so only the second one can be switched off.
      if (from !== SECOND) continue;
      const isSaid = () => expect(both.logged(survivor, 'storage is empty and can be switched off')).toBe(1);
      await vi.waitFor(isSaid, { timeout: 30_000, interval: 100 });
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
