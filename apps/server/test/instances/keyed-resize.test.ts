import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServerProcesses } from './support/server-processes.ts';

const SECOND = 'second';
const KEYS = Array.from({ length: 30 }, (_, n) => `key ${n}`);

let both: ServerProcesses;
beforeEach(async () => {
  both = await ServerProcesses.start({ count: 2, second: SECOND });
}, 60_000);
afterEach(() => both?.stop());

const call = async (instance: number, path: string, body: object) =>
  (await both.ask(instance, `v2/${path}`, body)).json;

async function ended(instance: number, id: string): Promise<void> {
  const done = async () => expect((await call(instance, 'tasks.get', { id })).state).toBe('done');
  await vi.waitFor(done, { timeout: 60_000, interval: 100 });
}

/** Produces one item per key, and repeats what has no certain answer. @returns whether each was a duplicate. */
async function produce(instance: number, keys: readonly string[], dedup_window: string): Promise<boolean[]> {
  const produced: boolean[] = [];
  for (const dedup_key of keys) {
    const items = [{ utf8: dedup_key, dedup_key }];
    const request = { queue_name: 'keyed', request_timeout: '10s', dedup_window, items };
    const stored = await vi.waitFor(
      async () => {
        const [item] = (await call(instance, 'queue.produce', request)).items;
        expect(item.id).toMatch(/./);
        return item;
      },
      { timeout: 30_000, interval: 100 },
    );
    produced.push(stored.duplicate === true);
  }
  return produced;
}

/** How many items each partition holds. */
async function counts(): Promise<readonly number[]> {
  const { json } = await both.ask(0, 'queue.stats', { queue_name: 'keyed' });
  return json.logicalQueues[0].partitions.map(({ total = 0 }) => total);
}

test('a key is stored once while its queue is resized over two databases, and servers are killed', {
  timeout: 240_000,
}, async () => {
  const created = await both.ask(0, 'queues.create', {
    ...{ queue_name: 'keyed', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 },
  });
  expect(created.status).toBe(200);
  const move = { kind: 'move_partition', queue_name: 'keyed', partition: 0, storage_name: SECOND };
  await ended(0, (await call(0, 'tasks.create', move)).id);
  expect(await produce(0, KEYS, '20s')).not.toContain(true);
  for (const [round, partitions] of [4, 2].entries()) {
    const [victim, survivor] = [round % 2, (round + 1) % 2];
    const { id } = await call(victim, 'queues.resize', {
      ...{ queue_name: 'keyed', partitions },
      // Without it, consumers have to take the items of the partitions that leave.
      move: partitions === 2,
    });
    await both.kill(victim);
    // Those of the round before may end meanwhile, so each round has keys of its own.
    const keys = KEYS.map((key) => `${round} ${key}`);
    const first = await produce(survivor, keys, '60s');
    await both.startOne(victim);
    for (const instance of [victim, survivor])
      expect(await produce(instance, keys, '60s')).not.toContain(false);
    expect(first).toHaveLength(KEYS.length);
    await ended(survivor, id);
    if (partitions === 4) {
      await produce(
        victim,
        KEYS.map((key) => `later ${key}`),
        '1s',
      );
      const held = await counts();
      expect(held).toHaveLength(4);
      expect(Math.min(...held)).toBeGreaterThan(0);
      // Nothing was stored twice.
      expect(held.reduce((sum, count) => sum + count, 0)).toBe(3 * KEYS.length);
    }
  }
  const after = KEYS.map((key) => `after ${key}`);
  expect(await produce(0, after, '60s')).not.toContain(true);
  expect(await produce(1, after, '60s')).not.toContain(false);
  const held = await counts();
  expect(held).toHaveLength(2);
  // Those of before, of both rounds, of between and of after.
  expect(held.reduce((sum, count) => sum + count, 0)).toBe(5 * KEYS.length);
});
