import { describe, expect, test } from 'vitest';
import {
  DRIVERS,
  fresh,
  item,
  type ServiceFixture,
  textsOf,
  useFixtures,
  watch,
} from './support/service-fixture.ts';

const newFixture = useFixtures();

/** Each cause makes one item available in a partition of a queue, while a consumer waits. */
interface Cause {
  /** Runs before the consumer waits. */
  readonly before?: (fixture: ServiceFixture, q: string, partition: number) => Promise<void>;
  readonly cause: (fixture: ServiceFixture, q: string, partition: number) => Promise<unknown>;
}

const imported = (text: string, rest: object = {}) => ({
  ...item(text),
  isLeased: false,
  attempts: 0,
  maxAttempts: 0,
  ...rest,
});

/** Puts an item into this partition. */
const put = (fixture: ServiceFixture, queueName: string, partition: number, rest: object = {}) =>
  fixture.service.storage.importItems({ queueName, partition, items: [imported('item', rest)] });

/** Puts an item into this partition and leases it. */
async function hold(fixture: ServiceFixture, q: string, partition: number) {
  await put(fixture, q, partition);
  const leased = await fixture.lease(q);
  expect(leased.partition).toBe(partition);
  return leased;
}

const CAUSES: Record<string, Cause> = {
  'a retry at once': {
    cause: async (fixture, q, partition) => {
      const ids = (await fixture.items(q, partition)).map(({ id }) => ({ id, dead: false }));
      await fixture.service.queue.retry({ queueName: q, partition, items: ids });
    },
    before: async (fixture, q, partition) => void (await hold(fixture, q, partition)),
  },
  'a lease that runs out': {
    before: async (fixture, q, partition) => void (await hold(fixture, q, partition)),
    cause: (fixture) => fixture.advance('10.1s'),
  },
  'a retry that comes due': {
    before: async (fixture, q, partition) =>
      fixture.retry(q, await hold(fixture, q, partition), { retryAt: fixture.in('5s') }),
    cause: (fixture) => fixture.advance('5.1s'),
  },
  'a schedule that comes due': {
    before: async (fixture, q, partition) =>
      void (await put(fixture, q, partition, { enqueueAt: fixture.in('5s') })),
    cause: (fixture) => fixture.advance('5.1s'),
  },
  'an import': { cause: (fixture, q, partition) => put(fixture, q, partition) },
  'the recovery of its partition': {
    before: async (fixture, q, partition) => {
      await put(fixture, q, partition);
      fixture.storage().cut(partition);
      await fixture.service.queue.reload(q);
    },
    cause: (fixture, _, partition) => {
      fixture.storage().heal(partition);
      return fixture.advance('1.2s');
    },
  },
  'a reload after a change behind our back': {
    before: async (fixture, q, partition) => {
      const behind = fixture.storage().partitionStore({ queue: q, partition });
      await behind.import([imported('item', { enqueueAt: fixture.in('1h') })], 3_600_000_000_000n as never);
    },
    cause: async (fixture, q, partition) => {
      const behind = fixture.storage().partitionStore({ queue: q, partition });
      await behind.import([imported('item')], 3_600_000_000_000n as never);
      await fixture.service.queue.reload(q);
    },
  },
};

describe.each(DRIVERS)('waking on %s', (driver) => {
  describe.each([0, 1])('by an event in partition %i of two', (partition) => {
    test.each(Object.entries(CAUSES))('G4: %s serves a waiting lease', async (_, { before, cause }) => {
      // Without polling, only the cause itself may wake a consumer.
      const fixture = newFixture({ main: driver }, { limits: { pollMs: 86_400_000 } });
      const q = fresh();
      await fixture.create(q, { requestedPartitions: 2, leaseTimeout: '10s' });
      await before?.(fixture, q, partition);
      const waiting = watch(fixture.lease(q));
      await fixture.settle();
      expect(waiting.state).toBe('pending');
      await cause(fixture, q, partition);
      await fixture.settle();
      expect(waiting.value?.partition).toBe(partition);
      expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
    });
  });

  test('G4: a produce serves waiting leases, one with each item', async () => {
    const fixture = newFixture({ main: driver }, { limits: { pollMs: 86_400_000 } });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    const waiting = [1, 2, 3].map(() => watch(fixture.lease(q)));
    await fixture.settle();
    await fixture.produce(q, 'a', 'b');
    await fixture.settle();
    expect(waiting.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    await fixture.produce(q, 'c');
    await fixture.settle();
    expect(waiting[2]?.state).toBe('fulfilled');
  });

  test('G4: a dead letter serves a waiting lease on the dead-letter queue', async () => {
    const fixture = newFixture({ main: driver }, { limits: { pollMs: 86_400_000 } });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead, { requestedPartitions: 2 });
    await fixture.create(q, { deadQueue: dead });
    await fixture.produce(q, 'item');
    const leased = await fixture.lease(q);
    const waiting = watch(fixture.lease(dead));
    await fixture.settle();
    await fixture.retry(q, leased, { dead: true });
    await fixture.settle();
    expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
  });

  test('a poll finds items that other processes have stored', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const waiting = watch(fixture.lease(q));
    await fixture.settle();
    const behind = fixture.storage().partitionStore({ queue: q, partition: 0 });
    await behind.import([imported('item')], 3_600_000_000_000n as never);
    await fixture.advance('1.3s');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['item']);
  });

  test('items are distributed one at a time, in turn, to the requests in their order of arrival', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const waiting = [2, 5, 1].map((size) => watch(fixture.lease(q, size)));
    await fixture.settle();
    await fixture.produce(q, ...'1234567');
    await fixture.settle();
    expect(waiting.map(({ value }) => value && textsOf(value).join(''))).toEqual(['14', '2567', '3']);
  });

  test('a shutdown under load answers every request, and starts no timer afterwards', async () => {
    const fixture = newFixture({ main: driver });
    const [busy, empty] = [fresh(), fresh()];
    await fixture.create(busy, { requestedPartitions: 2 });
    await fixture.create(empty);
    const consumers = Array.from({ length: 30 }, () => watch(fixture.lease(empty)));
    const producers = Array.from({ length: 30 }, (_, n) => watch(fixture.produce(busy, `${n}`)));
    const leases = Array.from({ length: 30 }, () => watch(fixture.lease(busy)));
    await new Promise((resolve) => setImmediate(resolve));
    await fixture.service.shutdown();
    await fixture.settle();
    for (const each of [...consumers, ...producers, ...leases]) expect(each.state).not.toBe('pending');
    for (const { error } of consumers) {
      expect(error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
    }
    expect(fixture.clock.pendingTimers).toBe(0);
    // No acknowledged item is missing, and none was stored twice.
    await fixture.restart();
    const stored = [...(await fixture.payloads(busy, 0)), ...(await fixture.payloads(busy, 1))];
    expect(new Set(stored).size).toBe(stored.length);
    for (const [n, { state }] of producers.entries()) {
      if (state === 'fulfilled') expect(stored).toContain(`${n}`);
    }
  });
});
