import { ITEMS_STORAGE } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SECOND = 'second';

describe('two storages that are balanced under load', { timeout: 240_000 }, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2, second: SECOND });
  }, 60_000);
  afterEach(() => both?.stop());

  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;

  const placed = async (instance: number): Promise<readonly string[]> => {
    const queues = await Promise.all(
      ['plain', 'mortal', 'dead'].map((queue_name) => call(instance, 'queues.describe', { queue_name })),
    );
    return queues
      .flatMap(({ partitions }) =>
        partitions.map(({ storage_name }: { storage_name: string }) => storage_name),
      )
      .sort();
  };

  test(`hold half of the partitions each though a server is killed, and nothing is lost or doubled (seed ${SEED})`, async () => {
    const load = faultLoad(both, SEED, { severalDatabases: true });
    await load.createQueues();
    const placing = { [ITEMS_STORAGE]: { affinity: 1 }, [SECOND]: { affinity: 1 } };
    for (const instance of [0, 1]) await both.restart(instance, { placing });
    load.start(1);
    await load.more(50);
    const { id } = await call(0, 'tasks.create', { kind: 'rebalance' });
    const running = { kind: 'move_partition', state: 'running' };
    const isMoving = async () =>
      expect((await call(1, 'tasks.list', running)).items?.length ?? 0).toBeGreaterThan(0);
    await vi.waitFor(isMoving, { timeout: 30_000, interval: 20 });
    await both.kill(0);
    await load.more(20);
    await both.startOne(0);
    const isDone = async () => expect((await call(1, 'tasks.get', { id })).state).toBe('done');
    await vi.waitFor(isDone, { timeout: 90_000, interval: 100 });
    const half = [...Array(3).fill(ITEMS_STORAGE), ...Array(3).fill(SECOND)];
    for (const instance of [0, 1]) {
      const isHalf = async () => expect(await placed(instance)).toEqual(half);
      await vi.waitFor(isHalf, { timeout: 10_000, interval: 50 });
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
