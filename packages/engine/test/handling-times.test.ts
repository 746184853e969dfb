import { expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

const look = async (h: Harness) => (await h.service.descriptions.describe('q')).handling;

/** Leases an item, and completes it after a while. */
async function handle(h: Harness, time: string): Promise<void> {
  await h.produce('q', ['x']);
  const { items, partition } = await h.lease('q');
  await h.clock.advance(time);
  const ids = items.map(({ id }) => id);
  await h.service.queue.complete({ queueName: 'q', partition, requestTimeout: '5s', ids });
}

test('nothing is measured before somebody looks', async () => {
  const h = new Harness();
  await h.create('q');
  await handle(h, '5s');
  expect(await look(h)).toBeUndefined();
  expect(await look(h)).toEqual({ count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0, watchedMs: 0 });
});

test('times are those from the lease to the completion, at most a twentieth too long', async () => {
  const h = new Harness();
  await h.create('q');
  await look(h);
  for (let n = 1; n <= 100; n++) await handle(h, `${n}ms`);
  const found = await look(h);
  expect(found).toMatchObject({ count: 100, maxMs: 100, watchedMs: 5_050 });
  for (const [name, exact] of [
    ['p50Ms', 50],
    ['p95Ms', 95],
    ['p99Ms', 99],
  ] as const) {
    expect(found?.[name]).toBeGreaterThanOrEqual(exact);
    expect(found?.[name]).toBeLessThanOrEqual(exact * 1.05);
  }
});

test('each outcome of a request counts for itself', async () => {
  const h = new Harness();
  await h.create('q');
  await look(h);
  await h.produce('q', ['a', 'b']);
  const { items, partition } = await h.lease('q', 2);
  const [first = { id: '' }] = items;
  await h.clock.advance('2s');
  const call = { queueName: 'q', partition, requestTimeout: '5s' };
  const outcomes = await h.service.leasedItems.complete({ ...call, ids: [first.id, '0'.repeat(27)] });
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
  expect(await look(h)).toMatchObject({ count: 1, maxMs: 2_000 });
});

test('a lease that began before, or ended otherwise, does not count', async () => {
  const h = new Harness();
  await h.create('q');
  await h.produce('q', ['a']);
  const early = await h.lease('q');
  await look(h);
  const ids = early.items.map(({ id }) => id);
  await h.service.queue.complete({ queueName: 'q', partition: early.partition, requestTimeout: '5s', ids });
  await h.produce('q', ['b']);
  const { items, partition } = await h.lease('q');
  const retried = items.map(({ id }) => ({ id, dead: false, retryAt: undefined }));
  await h.service.queue.retry({ queueName: 'q', partition, items: retried });
  expect(await look(h)).toMatchObject({ count: 0 });
});

test('the last ten minutes count', async () => {
  const h = new Harness();
  await h.create('q', { leaseTimeout: '1h' });
  await look(h);
  await handle(h, '9s');
  await look(h);
  for (let minute = 0; minute < 9; minute++) {
    await h.clock.advance('59s');
    await look(h);
  }
  await handle(h, '1s');
  expect(await look(h)).toMatchObject({ count: 2, maxMs: 9_000 });
  for (let minute = 0; minute < 3; minute++) {
    await h.clock.advance('59s');
    await look(h);
  }
  expect(await look(h)).toMatchObject({ count: 1, maxMs: 1_000, watchedMs: 600_000 });
});

test('measuring ends a minute after the last look, and forgets', async () => {
  const h = new Harness();
  await h.create('q');
  await look(h);
  await handle(h, '1s');
  await h.clock.advance('61s');
  await handle(h, '1s');
  expect(await look(h)).toBeUndefined();
  expect(await look(h)).toMatchObject({ count: 0 });
});

test('only the items that were leased last are remembered', async () => {
  const h = new Harness({ produceBatch: 20_000, leaseBatch: 20_000 });
  await h.create('q');
  await look(h);
  const texts = Array.from({ length: 10_001 }, () => 'x');
  await h.produce('q', texts);
  const { items, partition } = await h.lease('q', texts.length);
  expect(items).toHaveLength(texts.length);
  for (let from = 0; from < items.length; from += 1_000) {
    const ids = items.slice(from, from + 1_000).map(({ id }) => id);
    await h.service.queue.complete({ queueName: 'q', partition, requestTimeout: '5s', ids });
  }
  expect(await look(h)).toMatchObject({ count: 10_000 });
});
