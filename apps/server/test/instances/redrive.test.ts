import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServerProcesses } from './support/server-processes.ts';

const LETTERS = 900;
const BATCH = 300;
/** Few enough for the task to outlast the start of a server. */
const RATE = 60;

let both: ServerProcesses;
beforeEach(async () => {
  both = await ServerProcesses.start({ count: 2 });
}, 60_000);
afterEach(() => both?.stop());

test('a redrive goes on whichever server is killed, and loses, doubles and reorders nothing', {
  timeout: 180_000,
}, async () => {
  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;
  /** The references of all items, in their order. */
  const references = async (queue_name: string) => {
    const found: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await call(1, 'items.find', { queue_name, limit: 1_000, cursor });
      found.push(...(page.items ?? []).map(({ reference }: { reference: string }) => reference));
      if (page.cursor === undefined) return found;
      cursor = page.cursor;
    }
  };
  await both.create(0, 'dead');
  await both.create(0, 'q', { dead_queue: 'dead', max_attempts: 1 });
  for (let sent = 0; sent < LETTERS; sent += BATCH) {
    const items = Array.from({ length: BATCH }, (_, n) => ({ utf8: 'x', reference: `${sent + n}` }));
    await both.ask(0, 'queue.produce', { queue_name: 'q', request_timeout: '10s', items });
    const lease = { queue_name: 'q', batch_size: BATCH, client_id: 'c', request_timeout: '10s' };
    const leased = await call(0, 'queue.lease', lease);
    const dead = leased.items.map(({ id }: { id: string }) => ({ id, dead: true }));
    await call(0, 'queue.retry', { queue_name: 'q', partition: leased.partition, items: dead });
  }
  const letters = await vi.waitFor(
    async () => {
      const found = await references('dead');
      expect(found).toHaveLength(LETTERS);
      return found;
    },
    { timeout: 30_000, interval: 100 },
  );
  const { id } = await call(0, 'tasks.create', { kind: 'redrive', queue_name: 'dead', rate: RATE });
  const done = async (instance: number) => Number((await call(instance, 'tasks.get', { id })).done ?? 0);
  const progress = async (instance: number) => {
    const enough = Math.min((await done(instance)) + RATE / 2, LETTERS);
    await vi.waitFor(async () => expect(await done(instance)).toBeGreaterThanOrEqual(enough), {
      ...{ timeout: 60_000, interval: 50 },
    });
  };
  for (const [victim, survivor] of [
    [0, 1],
    [1, 0],
  ] as const) {
    await progress(survivor);
    await both.kill(victim);
    await progress(survivor);
    await both.startOne(victim);
  }
  await vi.waitFor(async () => expect((await call(1, 'tasks.get', { id })).state).toBe('done'), {
    ...{ timeout: 120_000, interval: 100 },
  });
  expect(await references('dead')).toEqual([]);
  expect(await references('q')).toEqual(letters);
});
