import { expect, test } from 'vitest';
import { Harness, item } from './support/harness.ts';

const describeQueue = (h: Harness) => h.service.descriptions.describe('q');

test('a queue is described from counts that are taken at most every two seconds', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  const empty = { waiting: 0, leased: 0, scheduled: 0, headAgeMs: 0, countAgeMs: 0 };
  const first = await describeQueue(h);
  expect(first.queue).toMatchObject({ name: 'q', maxAttempts: 0 });
  const partition = { storageName: 'mem', inService: true, failures: 0, leaves: false, items: empty };
  expect(first.partitions).toEqual([
    { ...partition, partition: 0, keys: { keys: 0, countAgeMs: 0 } },
    { ...partition, partition: 1, keys: { keys: 0, countAgeMs: 0 } },
  ]);
  const counts = h.storage.count('stats');
  for (let n = 0; n < 20; n++) await describeQueue(h);
  expect(h.storage.count('stats')).toBe(counts);
  await h.produce('q', ['a', 'b']);
  await h.clock.advance('2s');
  // The next count begins now, and this call does not wait for it.
  expect((await describeQueue(h)).partitions[0]?.items).toMatchObject({ countAgeMs: 2_000 });
  await h.settle();
  const { partitions } = await describeQueue(h);
  const waiting = partitions.map(({ items }) => items?.waiting ?? 0);
  expect(waiting.reduce((sum, each) => sum + each, 0)).toBe(2);
  expect(h.storage.count('stats')).toBe(counts + 2);
});

test('dedup keys are counted, those of this process at once', async () => {
  const h = new Harness();
  await h.create('q');
  await describeQueue(h);
  const keyed = { queueName: 'q', requestTimeout: '1m', items: [item('a'), item('b')], dedupWindow: '' };
  await h.service.keyedProduces.produce({ ...keyed, dedupKey: '', itemKeys: ['k1', 'k2'] });
  expect((await describeQueue(h)).partitions).toMatchObject([{ keys: { keys: 2 } }]);
  expect(h.storage.count('countKeys')).toBe(1);
});

test('a partition that fails is shown, and nothing waits for its count', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  h.storage.cut(1);
  await h.service.queue.reload('q');
  const { partitions } = await describeQueue(h);
  expect(partitions).toMatchObject([
    { inService: true, items: { waiting: 0 } },
    { inService: false, items: undefined, keys: undefined },
  ]);
  expect(partitions[1]?.failures).toBeGreaterThan(0);
});

test('pauses are shown while they are in force', async () => {
  const h = new Harness();
  await h.create('q');
  expect((await describeQueue(h)).pauses).toEqual({});
  await h.service.pauses.pause({ queueName: 'q', produce: true, lease: false, until: undefined });
  expect((await describeQueue(h)).pauses).toMatchObject({ produce: {} });
  await h.service.pauses.resume({ queueName: 'q', produce: true, lease: false });
  expect((await describeQueue(h)).pauses).toEqual({});
  await expect(h.service.descriptions.describe('missing')).rejects.toMatchObject({ reason: 'no_such_queue' });
});
