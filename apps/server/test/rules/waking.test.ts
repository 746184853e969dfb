import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textsOf, useWorlds, type World, watch } from './support/world.ts';

const newWorld = useWorlds();

/** Each cause makes one item available in a partition of a queue, while a consumer waits. */
interface Cause {
  /** Done before the consumer waits. */
  readonly before?: (world: World, q: string, partition: number) => Promise<void>;
  readonly cause: (world: World, q: string, partition: number) => Promise<unknown>;
}

const imported = (text: string, rest: object = {}) => ({
  ...item(text),
  isLeased: false,
  attempts: 0,
  maxAttempts: 0,
  ...rest,
});

/** Puts an item into that very partition. */
const put = (world: World, queueName: string, partition: number, rest: object = {}) =>
  world.service.storage.importItems({ queueName, partition, items: [imported('item', rest)] });

/** Puts an item into that very partition and leases it. */
async function hold(world: World, q: string, partition: number) {
  await put(world, q, partition);
  const leased = await world.lease(q);
  expect(leased.partition).toBe(partition);
  return leased;
}

const CAUSES: Record<string, Cause> = {
  'a retry at once': {
    cause: async (world, q, partition) => {
      const ids = (await world.items(q, partition)).map(({ id }) => ({ id, dead: false }));
      await world.service.queue.retry({ queueName: q, partition, items: ids });
    },
    before: async (world, q, partition) => void (await hold(world, q, partition)),
  },
  'a lease that runs out': {
    before: async (world, q, partition) => void (await hold(world, q, partition)),
    cause: (world) => world.advance('10.1s'),
  },
  'a retry that comes due': {
    before: async (world, q, partition) =>
      world.retry(q, await hold(world, q, partition), { retryAt: world.in('5s') }),
    cause: (world) => world.advance('5.1s'),
  },
  'a schedule that comes due': {
    before: async (world, q, partition) =>
      void (await put(world, q, partition, { enqueueAt: world.in('5s') })),
    cause: (world) => world.advance('5.1s'),
  },
  'an import': { cause: (world, q, partition) => put(world, q, partition) },
  'the recovery of its partition': {
    before: async (world, q, partition) => {
      await put(world, q, partition);
      world.storage().cut(partition);
      await world.service.queue.reload(q);
    },
    cause: (world, _, partition) => {
      world.storage().heal(partition);
      return world.advance('1.2s');
    },
  },
  'a reload after a change behind our back': {
    before: async (world, q, partition) => {
      const behind = world.storage().partitionStore({ queue: q, partition });
      await behind.import([imported('item', { enqueueAt: world.in('1h') })], 3_600_000_000_000n as never);
    },
    cause: async (world, q, partition) => {
      const behind = world.storage().partitionStore({ queue: q, partition });
      await behind.import([imported('item')], 3_600_000_000_000n as never);
      await world.service.queue.reload(q);
    },
  },
};

describe.each(DRIVERS)('waking on %s', (driver) => {
  describe.each([0, 1])('by what happens in partition %i of two', (partition) => {
    test.each(Object.entries(CAUSES))('G4: %s serves a lease that waits', async (_, { before, cause }) => {
      // No polling: only the cause itself may wake anyone.
      const world = newWorld({ main: driver }, { limits: { pollMs: 86_400_000 } });
      const q = fresh();
      await world.create(q, { requestedPartitions: 2, leaseTimeout: '10s' });
      await before?.(world, q, partition);
      const waiting = watch(world.lease(q));
      await world.settle();
      expect(waiting.state).toBe('pending');
      await cause(world, q, partition);
      await world.settle();
      expect(waiting.value?.partition).toBe(partition);
      expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
    });
  });

  test('G4: a produce serves leases that wait, each item one', async () => {
    const world = newWorld({ main: driver }, { limits: { pollMs: 86_400_000 } });
    const q = fresh();
    await world.create(q, { requestedPartitions: 2 });
    const waiting = [1, 2, 3].map(() => watch(world.lease(q)));
    await world.settle();
    await world.produce(q, 'a', 'b');
    await world.settle();
    expect(waiting.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    await world.produce(q, 'c');
    await world.settle();
    expect(waiting[2]?.state).toBe('fulfilled');
  });

  test('G4: a dead letter serves a lease that waits on the dead-letter queue', async () => {
    const world = newWorld({ main: driver }, { limits: { pollMs: 86_400_000 } });
    const [dead, q] = [fresh('dead'), fresh()];
    await world.create(dead, { requestedPartitions: 2 });
    await world.create(q, { deadQueue: dead });
    await world.produce(q, 'item');
    const leased = await world.lease(q);
    const waiting = watch(world.lease(dead));
    await world.settle();
    await world.retry(q, leased, { dead: true });
    await world.settle();
    expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
  });

  test('what other processes put in is found by looking now and then', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const waiting = watch(world.lease(q));
    await world.settle();
    const behind = world.storage().partitionStore({ queue: q, partition: 0 });
    await behind.import([imported('item')], 3_600_000_000_000n as never);
    await world.advance('1.3s');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
  });

  test('items are dealt one at a time, round the requests in their order of arrival', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const waiting = [2, 5, 1].map((size) => watch(world.lease(q, size)));
    await world.settle();
    await world.produce(q, ...'1234567');
    await world.settle();
    expect(waiting.map(({ value }) => value && textsOf(value).join(''))).toEqual(['14', '2567', '3']);
  });

  test('a shutdown under load answers everyone, and starts no timer afterwards', async () => {
    const world = newWorld({ main: driver });
    const [busy, empty] = [fresh(), fresh()];
    await world.create(busy, { requestedPartitions: 2 });
    await world.create(empty);
    const consumers = Array.from({ length: 30 }, () => watch(world.lease(empty)));
    const producers = Array.from({ length: 30 }, (_, n) => watch(world.produce(busy, `${n}`)));
    const leases = Array.from({ length: 30 }, () => watch(world.lease(busy)));
    await new Promise((resolve) => setImmediate(resolve));
    await world.service.shutdown();
    await world.settle();
    for (const each of [...consumers, ...producers, ...leases]) expect(each.state).not.toBe('pending');
    for (const { error } of consumers) {
      expect(error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
    }
    expect(world.clock.pendingTimers).toBe(0);
    // Nothing that was answered with success is missing, and nothing was stored twice.
    await world.restart();
    const stored = [...(await world.payloads(busy, 0)), ...(await world.payloads(busy, 1))];
    expect(new Set(stored).size).toBe(stored.length);
    for (const [n, { state }] of producers.entries()) {
      if (state === 'fulfilled') expect(stored).toContain(`${n}`);
    }
  });
});
