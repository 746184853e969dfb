import { parseDuration } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { type Driver, fresh, item, textsOf, useWorlds, watch } from './support/world.ts';

const newWorld = useWorlds();

/** Two storages of every combination of drivers that matters. */
const COMBINATIONS: [string, Driver, Driver][] = [
  ['memory and memory', 'memory', 'memory'],
  ['memory and PostgreSQL', 'memory', 'postgres'],
  ['two backends on PostgreSQL', 'postgres', 'postgres'],
];

describe.each(COMBINATIONS)('a queue over %s', (_, first, second) => {
  async function spreadWorld(partitions = ['one', 'two']) {
    const world = newWorld({ one: first, two: second });
    const q = fresh();
    await world.create(q, { requestedPartitions: partitions.length }, partitions);
    return { world, q };
  }
  const texts = (count: number, word = 'i') => Array.from({ length: count }, (_, n) => `${word}${n}`);

  test('requests go, whole and in order, to the partition with the fewest items', async () => {
    const { world, q } = await spreadWorld();
    for (const word of ['a', 'b', 'c', 'd', 'e']) await world.produce(q, ...texts(10, word));
    // Partitions that tie keep their order: after `b` the second one is still in front.
    expect(await world.payloads(q, 0)).toEqual([...texts(10, 'a'), ...texts(10, 'd'), ...texts(10, 'e')]);
    expect(await world.payloads(q, 1)).toEqual([...texts(10, 'b'), ...texts(10, 'c')]);
  });

  test('requests of one moment are spread as if they came one by one', async () => {
    const { world, q } = await spreadWorld(['one', 'two', 'one']);
    await Promise.all([1, 2, 3, 4, 5].map((count) => world.produce(q, ...texts(count, `${count}-`))));
    const counts = await Promise.all([0, 1, 2].map(async (n) => (await world.items(q, n)).length));
    expect(counts).toEqual([5, 7, 3]);
  });

  test('leases take from the fullest partition, and concurrent ones from several', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, ...texts(5, 'a'));
    await world.produce(q, ...texts(9, 'b'));
    expect((await world.lease(q, 2)).partition).toBe(1);
    const both = await Promise.all([world.lease(q, 5), world.lease(q, 5)]);
    expect(both.map(({ partition }) => partition).sort()).toEqual([0, 1]);
  });

  test('items of a request come from one partition, and are completed there alone', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, 'a', 'b');
    await world.produce(q, 'c');
    const leased = await world.lease(q, 10);
    expect(textsOf(leased)).toEqual(['a', 'b']);
    const ids = leased.items.map(({ id }) => id);
    await expect(world.completeIds(q, 1, ...ids)).rejects.toThrow('does not exist');
    await expect(world.completeIds(q, 2, ...ids)).rejects.toThrow(
      "partition is invalid; '2' is not a valid partition",
    );
    await world.complete(q, leased);
  });

  test('G16: stats are those of each partition, whatever order they are worked in', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, 'a', 'b', 'c');
    await world.produce(q, 'd', item('s', { enqueueAt: world.in('1h') }));
    await world.lease(q, 2);
    const waiting = [watch(world.lease(q, 5, { clientId: 'x' })), watch(world.lease(q, 5))];
    await world.settle();
    const third = watch(world.lease(q, 1, { requestTimeout: '1s' }));
    await world.advance('500ms');
    const { leaseWaiting, partitions } = await world.service.queue.stats(q);
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
    await world.advance('1s');
    expect(third.state).toBe('rejected');
    expect((await world.service.queue.stats(q)).leaseWaiting).toBe(0);
  });

  test('G5: an item in the emptier partition is found, whatever the counts say', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, 'a', 'b', 'c');
    await world.produce(q, 'd');
    // Three items leave partition 0 behind the back of the count.
    const ids = (await world.items(q, 0)).map(({ id }) => id);
    await world.service.storage.deleteItems({ queueName: q, partition: 0, ids });
    const lease = watch(world.lease(q));
    await world.settle();
    expect(lease.value && textsOf(lease.value)).toEqual(['d']);
  });

  test('G2: what a failing partition did not store goes to a healthy one, and it is avoided from then on', async () => {
    const { world, q } = await spreadWorld();
    world.storage('one').cut(0);
    await world.produce(q, 'a');
    await world.produce(q, 'b');
    expect(await world.payloads(q, 1)).toEqual(['a', 'b']);
    expect(world.storage('one').count('produce')).toBe(1);
    await expect(world.completeIds(q, 0, '0'.repeat(27))).rejects.toMatchObject({
      code: 'retry',
      message: "partition not available; partition '0' is failing, retry again",
    });
  });

  test('a failing partition is probed with growing pauses and taken back; items elsewhere flow on', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, 'held');
    world.storage('one').cut(0);
    await world.produce(q, 'x');
    const flowing = await world.lease(q, 5);
    expect(textsOf(flowing)).toEqual(['x']);
    // The next lease finds the storage of the other partition gone.
    const waiting = watch(world.lease(q));
    await world.settle();
    const probes = () => world.storage('one').calls.filter(({ operation }) => operation === 'stats').length;
    const before = probes();
    const times: number[] = [];
    for (let ms = 0; ms < 12_000; ms += 125) {
      const seen = probes();
      await world.advance('125ms');
      if (probes() > seen) times.push(ms + 125);
    }
    expect(probes() - before).toBe(times.length);
    const pauses = times.map((time, n) => time - (times[n - 1] ?? 0));
    expect(pauses[0]).toBe(750);
    expect(pauses.every((pause, n) => n === 0 || pause >= (pauses[n - 1] ?? 0))).toBe(true);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_125);
    await world.complete(q, flowing);
    world.storage('one').heal(0);
    await world.advance('5.1s');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['held']);
  });

  test('G28: after many failures the pause stays at five seconds', async () => {
    const { world, q } = await spreadWorld();
    world.storage('one').cut(0);
    await world.service.queue.reload(q);
    await world.advance('6m');
    const before = world.storage('one').count('stats');
    expect(before).toBeGreaterThan(60);
    await world.advance('50s');
    expect(world.storage('one').count('stats') - before).toBe(10);
  });

  test('a slow partition holds nobody back whom the other can serve', async () => {
    const { world, q } = await spreadWorld();
    await world.produce(q, 'slow', 'slow too');
    await world.produce(q, 'quick');
    const letGo = world.storage('one').hold('lease', 0);
    const lease = watch(world.lease(q));
    await world.advance('30ms');
    expect(lease.value && textsOf(lease.value)).toEqual(['quick']);
    letGo();
    await world.settle();
    expect(await world.stats(q, 0)).toMatchObject({ waiting: 2, leased: 0 });
    expect((await world.lease(q)).items).toMatchObject([{ attempts: 1 }]);
  });

  test('after a restart the queue has its partitions where they were', async () => {
    const { world, q } = await spreadWorld(['two', 'one']);
    await world.produce(q, 'a');
    await world.produce(q, 'b');
    await world.restart();
    expect([await world.payloads(q, 0), await world.payloads(q, 1)]).toEqual([['a'], ['b']]);
    expect((await world.service.queues.info(q)).partitions).toEqual([
      { partition: 0, storageName: 'two' },
      { partition: 1, storageName: 'one' },
    ]);
  });
});

test.each([
  [7, { a: 1, b: 1, c: 1 }, [3, 2, 2]],
  [1, { a: 1, b: 1 }, [1, 0]],
  [4, { a: 0, b: 3, c: 1 }, [0, 3, 1]],
])('G17: %i partitions over %j are placed as %j', async (requested, affinities, expected) => {
  const names = Object.keys(affinities);
  const world = newWorld(Object.fromEntries(names.map((name) => [name, 'memory' as const])), {
    affinities: affinities as unknown as Record<string, number>,
  });
  const q = fresh();
  await world.create(q, { requestedPartitions: requested });
  const { partitions } = await world.service.queues.info(q);
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
])('G17: a placement with %s is refused', async (_, given) => {
  const world = newWorld({ main: 'memory' });
  const q = fresh();
  const placement = given.map((each) => ({ storageName: 'main', ...each }));
  const call = { queueName: q, namespace: '', leaseTimeout: '1m', expireTimeout: '1h', deadQueue: '' };
  await expect(
    world.service.queues.create(
      { ...call, maxAttempts: 0, reference: '', requestedPartitions: 1 },
      placement,
    ),
  ).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('partitions is invalid') });
  await expect(world.service.queues.info(q)).rejects.toThrow('does not exist');
});

test('G27: the number of partitions has a bound, and timeouts are not negative', async () => {
  const world = newWorld({ main: 'memory' });
  await expect(world.create(fresh(), { requestedPartitions: 2_000_000 })).rejects.toThrow(
    'partitions is invalid; cannot be greater than 1024',
  );
  await expect(world.create(fresh(), { leaseTimeout: '-1m' })).rejects.toThrow('lease timeout is invalid');
  await expect(world.create(fresh(), { expireTimeout: '-1m' })).rejects.toThrow('expire timeout is invalid');
});

test('a partition whose storage is no longer configured is reported by name and left out; the others go on', async () => {
  const world = newWorld({ main: 'memory' });
  const q = fresh();
  await world
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
  await world.produce(q, 'a');
  await world.produce(q, 'b');
  expect(await world.payloads(q, 1)).toEqual(['a', 'b']);
  expect(textsOf(await world.lease(q, 2))).toEqual(['a', 'b']);
  await expect(world.completeIds(q, 0, `0${'1'.repeat(26)}`)).rejects.toMatchObject({
    code: 'retry',
    message: "partition not available; partition '0' is failing, retry again",
  });
  expect(world.logged).toContainEqual({
    level: 'error',
    message: 'partition is on a storage that is not configured',
    fields: { queue: q, partition: 0, storage: 'gone' },
  });
});

test('a queue with a partition on a storage that is not configured is deleted by force only', async () => {
  const world = newWorld({ main: 'memory' });
  const q = fresh();
  await world
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
  await world.produce(q, 'a');
  await expect(world.service.queues.delete(q, false)).rejects.toMatchObject({
    code: 'invalid',
    message:
      "queue cannot be deleted; storage 'gone' of its partition '1' is not configured, put it back, or use force to leave the items there",
  });
  expect(await world.payloads(q, 0)).toEqual(['a']);
  await world.service.queues.delete(q, true);
  await expect(world.service.queues.info(q)).rejects.toThrow('queue does not exist');
  expect(world.logged).toContainEqual({
    level: 'warn',
    message: 'items of a deleted queue stay on a storage that is not configured',
    fields: { queue: q, partition: 1, storage: 'gone' },
  });
  await world.create(q);
  expect(await world.payloads(q, 0)).toEqual([]);
});
