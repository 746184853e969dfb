import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServerProcesses } from './support/server-processes.ts';

const ITEMS = 1_500;
const KEPT = 7;
const BATCH = 500;

let both: ServerProcesses;
beforeEach(async () => {
  both = await ServerProcesses.start({ count: 2 });
}, 60_000);
afterEach(() => both?.stop());

test('a task goes on when its server is killed, and deletes what matched and nothing else', {
  timeout: 120_000,
}, async () => {
  await both.create(0, 'q', { requested_partitions: 2 });
  const produce = (kind: string, items: number) =>
    both.ask(0, 'queue.produce', {
      ...{ queue_name: 'q', request_timeout: '10s' },
      items: Array.from({ length: items }, () => ({ utf8: 'x', kind })),
    });
  for (let sent = 0; sent < ITEMS; sent += BATCH) await produce('a', BATCH);
  await produce('b', KEPT);
  const call = async (instance: number, path: string, body: object) =>
    (await both.ask(instance, `v2/${path}`, body)).json;
  const { id } = await call(0, 'tasks.create', {
    kind: 'delete',
    queue_name: 'q',
    filter: { kind: 'a' },
    rate: 400,
  });
  await produce('a', KEPT);
  const done = async (instance: number) => Number((await call(instance, 'tasks.get', { id })).done ?? 0);
  const progress = { timeout: 30_000, interval: 50 };
  await vi.waitFor(async () => expect(await done(0)).toBeGreaterThan(200), progress);
  await both.kill(0);
  const before = await done(1);
  await vi.waitFor(async () => expect(await done(1)).toBeGreaterThan(before), progress);
  const task = await vi.waitFor(
    async () => {
      const found = await call(1, 'tasks.get', { id });
      expect(found.state).toBe('done');
      return found;
    },
    { timeout: 60_000, interval: 100 },
  );
  // The kill may cost the counts of one step: a quarter of a second at this rate.
  expect(task.done).toBeGreaterThanOrEqual(ITEMS - 100);
  expect(task.done).toBeLessThanOrEqual(ITEMS);
  const { items } = await call(1, 'items.find', { queue_name: 'q', limit: 1_000 });
  const kinds = items.map(({ kind }: { kind: string }) => kind).sort();
  expect(kinds).toEqual([...Array(KEPT).fill('a'), ...Array(KEPT).fill('b')]);
});
