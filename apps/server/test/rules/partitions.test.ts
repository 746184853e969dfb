import { parseDuration } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { type Driver, fresh, item, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();

/** Each pair of drivers for two storages. */
const COMBINATIONS: [string, Driver, Driver][] = [
  ['memory and memory', 'memory', 'memory'],
  ['memory and PostgreSQL', 'memory', 'postgres'],
  ['two backends on PostgreSQL', 'postgres', 'postgres'],
];

describe.each(COMBINATIONS)('a queue over %s', (_, first, second) => {
  async function spreadFixture(partitions = ['one', 'two']) {
    const fixture = newFixture({ one: first, two: second });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: partitions.length }, partitions);
    return { fixture, q };
  }
  const texts = (count: number, word = 'i') => Array.from({ length: count }, (_, n) => `${word}${n}`);

  test('sends requests, whole and in order, to the partition with the fewest items', async () => {
    const { fixture, q } = await spreadFixture();
    for (const word of ['a', 'b', 'c', 'd', 'e']) await fixture.produce(q, ...texts(10, word));
    // Equal partitions keep their order: after `b` the second one still comes first.
    expect(await fixture.payloads(q, 0)).toEqual([...texts(10, 'a'), ...texts(10, 'd'), ...texts(10, 'e')]);
    expect(await fixture.payloads(q, 1)).toEqual([...texts(10, 'b'), ...texts(10, 'c')]);
  });

  test('distributes concurrent requests as if they came one by one', async () => {
    const { fixture, q } = await spreadFixture(['one', 'two', 'one']);
    await Promise.all([1, 2, 3, 4, 5].map((count) => fixture.produce(q, ...texts(count, `${count}-`))));
    const counts = await Promise.all([0, 1, 2].map(async (n) => (await fixture.items(q, n)).length));
    expect(counts).toEqual([5, 7, 3]);
  });

  test('leases from the fullest partition, and concurrently from several', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, ...texts(5, 'a'));
    await fixture.produce(q, ...texts(9, 'b'));
    expect((await fixture.lease(q, 2)).partition).toBe(1);
    const both = await Promise.all([fixture.lease(q, 5), fixture.lease(q, 5)]);
    expect(both.map(({ partition }) => partition).sort()).toEqual([0, 1]);
  });

  test('leases items of one partition, and completes them only there', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, 'a', 'b');
    await fixture.produce(q, 'c');
    const leased = await fixture.lease(q, 10);
    expect(textsOf(leased)).toEqual(['a', 'b']);
    const ids = leased.items.map(({ id }) => id);
    await expect(fixture.completeIds(q, 1, ...ids)).rejects.toThrow('does not exist');
    await expect(fixture.completeIds(q, 2, ...ids)).rejects.toThrow(
      "partition is invalid; '2' is not a valid partition",
    );
    await fixture.complete(q, leased);
  });

  test('G16: returns the stats of each partition, in whatever order they were counted', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, 'a', 'b', 'c');
    await fixture.produce(q, 'd', item('s', { enqueueAt: fixture.in('1h') }));
    await fixture.lease(q, 2);
    const waiting = [watch(fixture.lease(q, 5, { clientId: 'x' })), watch(fixture.lease(q, 5))];
    await fixture.settle();
    const third = watch(fixture.lease(q, 1, { requestTimeout: '1s' }));
    await fixture.advance('500ms');
    const { leaseWaiting, partitions } = await fixture.service.queue.stats(q);
    expect(waiting.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled']);
    expect(leaseWaiting).toBe(1);
    expect(partitions).toMatchObject([
      { partition: 0, failures: 0, waiting: 0, leased: 3, scheduled: 0 },
      { partition: 1, failures: 0, waiting: 0, leased: 1, scheduled: 1 },
    ]);
    expect(partitions.map(({ averageAge, averageLeaseLeft }) => [averageAge, averageLeaseLeft])).toEqual([
      [500_000_000n, 59_500_000_000n],
      [500_000_000n, 59_500_000_000n],
    ]);
    await fixture.advance('1s');
    expect(third.state).toBe('rejected');
    expect((await fixture.service.queue.stats(q)).leaseWaiting).toBe(0);
  });

  test('G5: finds an item in the emptier partition, whatever the counts are', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, 'a', 'b', 'c');
    await fixture.produce(q, 'd');
    // Three items leave partition 0, and the count does not notice.
    const ids = (await fixture.items(q, 0)).map(({ id }) => id);
    await fixture.service.storage.deleteItems({ queueName: q, partition: 0, ids });
    const lease = watch(fixture.lease(q));
    await fixture.settle();
    expect(lease.value && textsOf(lease.value)).toEqual(['d']);
  });

  test('G2: sends items that a failing partition did not store to a healthy one, and avoids the failing one', async () => {
    const { fixture, q } = await spreadFixture();
    fixture.storage('one').cut(0);
    await fixture.produce(q, 'a');
    await fixture.produce(q, 'b');
    expect(await fixture.payloads(q, 1)).toEqual(['a', 'b']);
    expect(fixture.storage('one').count('produce')).toBe(1);
    await expect(fixture.completeIds(q, 0, '0'.repeat(27))).rejects.toMatchObject({
      code: 'retry',
      message: "partition not available; partition '0' is failing, retry again",
    });
  });

  test('probes a failing partition after growing pauses and returns it to service; items elsewhere are served', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, 'held');
    fixture.storage('one').cut(0);
    await fixture.produce(q, 'x');
    const flowing = await fixture.lease(q, 5);
    expect(textsOf(flowing)).toEqual(['x']);
    // The next lease finds that the storage of the other partition is gone.
    const waiting = watch(fixture.lease(q));
    await fixture.settle();
    const probes = () => fixture.storage('one').calls.filter(({ operation }) => operation === 'stats').length;
    const before = probes();
    const times: number[] = [];
    for (let ms = 0; ms < 12_000; ms += 125) {
      const seen = probes();
      await fixture.advance('125ms');
      if (probes() > seen) times.push(ms + 125);
    }
    expect(probes() - before).toBe(times.length);
    const pauses = times.map((time, n) => time - (times[n - 1] ?? 0));
    expect(pauses[0]).toBe(750);
    expect(pauses.every((pause, n) => n === 0 || pause >= (pauses[n - 1] ?? 0))).toBe(true);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_125);
    await fixture.complete(q, flowing);
    fixture.storage('one').heal(0);
    await fixture.advance('5.1s');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['held']);
  });

  test('G28: probes every five seconds after many failures', async () => {
    const { fixture, q } = await spreadFixture();
    fixture.storage('one').cut(0);
    await fixture.service.queue.reload(q);
    await fixture.advance('6m');
    const before = fixture.storage('one').count('stats');
    expect(before).toBeGreaterThan(60);
    await fixture.advance('50s');
    expect(fixture.storage('one').count('stats') - before).toBe(10);
  });

  test('serves a consumer from another partition if one is slow', async () => {
    const { fixture, q } = await spreadFixture();
    await fixture.produce(q, 'slow', 'slow too');
    await fixture.produce(q, 'quick');
    const release = fixture.storage('one').hold('lease', 0);
    const lease = watch(fixture.lease(q));
    await fixture.advance('30ms');
    expect(lease.value && textsOf(lease.value)).toEqual(['quick']);
    release();
    await fixture.settle();
    expect(await fixture.stats(q, 0)).toMatchObject({ waiting: 2, leased: 0 });
    expect((await fixture.lease(q)).items).toMatchObject([{ attempts: 1 }]);
  });

  test('has its partitions on the same storages after a restart', async () => {
    const { fixture, q } = await spreadFixture(['two', 'one']);
    await fixture.produce(q, 'a');
    await fixture.produce(q, 'b');
    await fixture.restart();
    expect([await fixture.payloads(q, 0), await fixture.payloads(q, 1)]).toEqual([['a'], ['b']]);
    expect((await fixture.service.queues.info(q)).partitions).toEqual([
      { partition: 0, storageName: 'two' },
      { partition: 1, storageName: 'one' },
    ]);
  });
});

test.each([
  [7, { a: 1, b: 1, c: 1 }, [3, 2, 2]],
  [1, { a: 1, b: 1 }, [1, 0]],
  [4, { a: 0, b: 3, c: 1 }, [0, 3, 1]],
])('G17: places %i partitions over %j as %j', async (requested, affinities, expected) => {
  const names = Object.keys(affinities);
  const fixture = newFixture(Object.fromEntries(names.map((name) => [name, 'memory' as const])), {
    affinities: affinities as unknown as Record<string, number>,
  });
  const q = fresh();
  await fixture.create(q, { requestedPartitions: requested });
  const { partitions } = await fixture.service.queues.info(q);
  expect(names.map((name) => partitions.filter(({ storageName }) => storageName === name).length)).toEqual(
    expected,
  );
  expect(partitions.map(({ partition }) => partition)).toEqual(partitions.map((_, n) => n));
});

test.each([
  ['none', []],
  ['a hole', [{ partition: 0 }, { partition: 2 }]],
  ['a number twice', [{ partition: 0 }, { partition: 0 }]],
  ['an unknown storage', [{ partition: 0, storageName: 'nowhere' }]],
])('G17: refuses a placement with %s', async (_, given) => {
  const fixture = newFixture({ main: 'memory' });
  const q = fresh();
  const placement = given.map((each) => ({ storageName: 'main', ...each }));
  const call = { queueName: q, namespace: '', leaseTimeout: '1m', expireTimeout: '1h', deadQueue: '' };
  await expect(
    fixture.service.queues.create(
      { ...call, maxAttempts: 0, reference: '', requestedPartitions: 1 },
      { partitions: placement },
    ),
  ).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('partitions is invalid') });
  await expect(fixture.service.queues.info(q)).rejects.toThrow('does not exist');
});

test('G27: limits the number of partitions, and refuses negative timeouts', async () => {
  const fixture = newFixture({ main: 'memory' });
  await expect(fixture.create(fresh(), { requestedPartitions: 2_000_000 })).rejects.toThrow(
    'partitions is invalid; cannot be greater than 1024',
  );
  await expect(fixture.create(fresh(), { leaseTimeout: '-1m' })).rejects.toThrow('lease timeout is invalid');
  await expect(fixture.create(fresh(), { expireTimeout: '-1m' })).rejects.toThrow(
    'expire timeout is invalid',
  );
});

test('names a partition whose storage is not configured, and serves the others', async () => {
  const fixture = newFixture({ main: 'memory' });
  const q = fresh();
  await fixture
    .storage()
    .queueStore()
    .create({
      ...{ name: q, namespace: '_system', deadQueue: '', maxAttempts: 0, reference: '' },
      leaseTimeout: parseDuration('1m'),
      expireTimeout: parseDuration('1h'),
      requestedPartitions: 2,
      partitions: [
        { partition: 0, storageName: 'gone' },
        { partition: 1, storageName: 'main' },
      ],
    });
  await fixture.produce(q, 'a');
  await fixture.produce(q, 'b');
  expect(await fixture.payloads(q, 1)).toEqual(['a', 'b']);
  expect(textsOf(await fixture.lease(q, 2))).toEqual(['a', 'b']);
  await expect(fixture.completeIds(q, 0, `0${'1'.repeat(26)}`)).rejects.toMatchObject({
    code: 'retry',
    message: "partition not available; partition '0' is failing, retry again",
  });
  expect(fixture.logged).toContainEqual({
    level: 'error',
    message: 'partition is on a storage that is not configured',
    fields: { queue: q, partition: 0, storage: 'gone' },
  });
});

test('is deleted only by force if it has a partition on a storage that is not configured', async () => {
  const fixture = newFixture({ main: 'memory' });
  const q = fresh();
  await fixture
    .storage()
    .queueStore()
    .create({
      ...{ name: q, namespace: '_system', deadQueue: '', maxAttempts: 0, reference: '' },
      leaseTimeout: parseDuration('1m'),
      expireTimeout: parseDuration('1h'),
      requestedPartitions: 2,
      partitions: [
        { partition: 0, storageName: 'main' },
        { partition: 1, storageName: 'gone' },
      ],
    });
  await fixture.produce(q, 'a');
  await expect(fixture.service.queues.delete(q, false)).rejects.toMatchObject({
    code: 'invalid',
    message:
      "queue cannot be deleted; storage 'gone' of its partition '1' is not configured, put it back, or use force to leave the items there",
  });
  expect(await fixture.payloads(q, 0)).toEqual(['a']);
  await fixture.service.queues.delete(q, true);
  await expect(fixture.service.queues.info(q)).rejects.toThrow('queue does not exist');
  expect(fixture.logged).toContainEqual({
    level: 'warn',
    message: 'items of a deleted queue stay on a storage that is not configured',
    fields: { queue: q, partition: 1, storage: 'gone' },
  });
  await fixture.create(q);
  expect(await fixture.payloads(q, 0)).toEqual([]);
});
