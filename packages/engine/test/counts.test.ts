import {
  type Clock,
  type CountOptions,
  decorateStore,
  PARTITION_STORE,
  type PartitionStore,
  StorageError,
} from '@querator/core';
import { ManualClock, ms, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type EngineLimits } from '../src/index.ts';
import { Harness, queueCall, watch } from './support/harness.ts';

/** Treats a few items as many. */
const MANY = { countFewItems: 0 };

/** A queue with one item, counted; further counts take that long. */
async function withSlowCounts(duration: string, limits: Partial<EngineLimits> = MANY) {
  const h = new Harness(limits);
  await h.create('q');
  await h.produce('q', ['a']);
  await h.service.queue.stats('q');
  let release = h.storage.hold('stats', 0);
  /** Advances time until the running count ends; the next one is as slow. */
  const passCount = async () => {
    await h.clock.advance(duration);
    const end = release;
    release = h.storage.hold('stats', 0);
    end();
    await h.settle();
  };
  /** Makes further counts quick. */
  const quicken = async () => {
    release();
    await h.settle();
  };
  return { h, passCount, quicken };
}

const answer = (h: Harness) => watch(h.service.queue.stats('q'));

describe('the counts of a queue', () => {
  test('are new if they arrive within 100 ms', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 3 });
    await h.produce('q', ['a', 'b']);
    expect(await h.service.queue.stats('q')).toMatchObject({ countAgeMs: 0 });
    await h.clock.advance('10m');
    const release = h.storage.hold('stats', 1);
    const asked = answer(h);
    await h.clock.advance('99ms');
    expect(asked.state).toBe('pending');
    release();
    await h.settle();
    expect(asked.value).toMatchObject({ countAgeMs: 0 });
  });

  test('are the last ones after 100 ms, with the age of the oldest', async () => {
    const { h } = await withSlowCounts('10s');
    await h.clock.advance('30s');
    await h.produce('q', ['b']);
    const asked = answer(h);
    await h.clock.advance('100ms');
    expect(asked.value).toMatchObject({ countAgeMs: 30_100, partitions: [{ waiting: 1 }] });
  });

  test('of few items are waited for up to three seconds, until three in a row were slow', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    for (let count = 1; count <= 3; count++) {
      await h.produce('q', ['more']);
      const end = h.storage.hold('stats', 0);
      const exact = answer(h);
      await h.clock.advance('2s');
      expect(exact.state).toBe('pending');
      end();
      await h.settle();
      expect(exact.value).toMatchObject({ countAgeMs: 0, partitions: [{ waiting: count }] });
    }
    await h.produce('q', ['more']);
    h.storage.hold('stats', 0);
    const last = answer(h);
    await h.clock.advance('100ms');
    expect(last.value).toMatchObject({ countAgeMs: 2_100, partitions: [{ waiting: 3 }] });
  });

  test('of few items are the last ones after three seconds', async () => {
    const { h } = await withSlowCounts('10s', {});
    await h.clock.advance('1s');
    const asked = answer(h);
    await h.clock.advance('2999ms');
    expect(asked.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(asked.value).toMatchObject({ countAgeMs: 4_000, partitions: [{ waiting: 1 }] });
  });

  test('are waited for if the last one is more than a minute old', async () => {
    const { h, quicken } = await withSlowCounts('10s');
    await h.clock.advance('61s');
    const asked = answer(h);
    await h.clock.advance('5s');
    expect(asked.state).toBe('pending');
    await quicken();
    // The count began with the call.
    expect(asked.value).toMatchObject({ countAgeMs: 0 });
  });

  test('are waited for up to 30 s if there are none yet', async () => {
    const h = new Harness();
    await h.create('q');
    const release = h.storage.hold('stats', 0);
    const asked = answer(h);
    await h.clock.advance('29s');
    expect(asked.state).toBe('pending');
    await h.clock.advance('1s');
    expect(asked.error).toMatchObject({ code: 'retry' });
    const again = answer(h);
    await h.clock.advance('10s');
    release();
    await h.settle();
    expect(again.state).toBe('fulfilled');
  });

  test('fail if counting fails', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    h.storage.fail('stats', 0, 'not-applied');
    await expect(h.service.queue.stats('q')).rejects.toBeInstanceOf(Error);
  });

  test('are exact again within two seconds after counts become fast', async () => {
    const { h, passCount, quicken } = await withSlowCounts('5s');
    await h.clock.advance('1s');
    const slow = answer(h);
    await h.clock.advance('100ms');
    await passCount();
    await quicken();
    expect(slow.value).toMatchObject({ countAgeMs: 1_100 });
    await h.produce('q', ['b']);
    await h.clock.advance('2s');
    expect(await h.service.queue.stats('q')).toMatchObject({ countAgeMs: 0, partitions: [{ waiting: 2 }] });
  });

  test('are new after all items were removed, however long a count takes', async () => {
    const { h, passCount, quicken } = await withSlowCounts('5s');
    const slow = answer(h);
    await h.clock.advance('100ms');
    await passCount();
    await quicken();
    expect(slow.state).toBe('fulfilled');
    await h.service.queue.clear({ queueName: 'q', queue: true, scheduled: false, destructive: false });
    expect(await h.service.queue.stats('q')).toMatchObject({ countAgeMs: 0, partitions: [{ waiting: 0 }] });
  });
});

test('are tried with a limit of 100 ms to find out whether they have become fast', async () => {
  const { h, passCount } = await withSlowCounts('5s');
  const slow = answer(h);
  await h.clock.advance('100ms');
  await passCount();
  expect(slow.state).toBe('fulfilled');
  await h.clock.advance('3s');
  const before = h.storage.calls.length;
  const tried = answer(h);
  await h.clock.advance('100ms');
  expect(tried.state).toBe('fulfilled');
  const [call] = h.storage.calls.slice(before).filter(({ operation }) => operation === 'stats');
  expect(call?.args[0]).toMatchObject({ limitMs: 100 });
});

test('are ended at shutdown', async () => {
  const { h } = await withSlowCounts('1h');
  const asked = answer(h);
  await h.settle();
  const { args } = h.storage.calls.findLast(({ operation }) => operation === 'stats') ?? { args: [] };
  const { signal } = args[0] as { readonly signal: AbortSignal };
  expect(signal.aborted).toBe(false);
  void h.service.shutdown();
  await h.settle();
  expect(signal.aborted).toBe(true);
  expect(asked.state).toBe('pending');
});

test('that fail after the queue began to stop say that it is shutting down', async () => {
  const h = new Harness();
  await h.create('q');
  await h.service.queue.stats('q');
  h.storage.fail('stats', 0, 'not-applied');
  const release = h.storage.hold('stats', 0, 'before');
  const asked = watch(h.service.queue.stats('q'));
  await h.settle();
  void h.service.shutdown();
  await h.settle();
  release();
  await h.settle();
  expect(asked.error).toMatchObject({
    code: 'failed',
    message: 'queue is shutting down',
    reason: 'unavailable',
  });
});

test('in metrics are the last ones if a count takes long', async () => {
  const { h, passCount } = await withSlowCounts('5s');
  const slow = watch(h.service.depth('q'));
  await h.settle();
  await passCount();
  expect(slow.value).toMatchObject({ waiting: 1 });
  const before = h.storage.count('stats');
  expect(await h.service.depth('q')).toMatchObject({ waiting: 1, countAgeMs: 5_000 });
  expect(h.storage.count('stats')).toBe(before);
});

/** A partition whose counts take that long, and end at their time limit. */
function slowToCount(store: PartitionStore, clock: Clock, tookMs: number, count: () => void): PartitionStore {
  const stats = async ({ limitMs = Number.POSITIVE_INFINITY }: CountOptions = {}) => {
    count();
    await new Promise<void>((resolve) => void clock.startTimer(Math.min(tookMs, limitMs), resolve));
    if (limitMs < tookMs) throw new StorageError('too slow', { outcome: 'not-applied', gaveUp: true });
    return store.stats();
  };
  return decorateStore(PARTITION_STORE, store, (member, call) => (member === 'stats' ? stats : call));
}

test.each([
  ['200ms', 0.2],
  ['1s', 0.2],
  ['5s', 0.25],
  ['20s', 0.6],
])(
  'are at most a minute old for a call each second; a count of %s is not repeated all the time',
  async (took, share) => {
    const clock = new ManualClock();
    const random = new SeededRandom();
    const memory = memoryBackend({ name: 'mem', clock, random });
    const tookMs = ms(took);
    let countingMs = 0;
    const backend = {
      ...memory,
      partitionStore: (...args: Parameters<typeof memory.partitionStore>) =>
        slowToCount(memory.partitionStore(...args), clock, tookMs, () => {
          countingMs += tookMs;
        }),
    };
    const service = createService({
      clock,
      random,
      limits: MANY,
      queueStore: memory.queueStore(),
      storages: [{ backend, affinity: 1 }],
    });
    await service.queues.create(queueCall('q'));
    const first = watch(service.queue.stats('q'));
    await clock.advance('30s');
    expect(first.state).toBe('fulfilled');
    countingMs = 0;
    const ages: number[] = [];
    for (let second = 0; second < 600; second++) {
      const asked = watch(service.queue.stats('q'));
      await clock.advance('1s');
      expect(asked.state).toBe('fulfilled');
      ages.push(asked.value?.countAgeMs ?? Number.NaN);
    }
    expect(Math.max(...ages)).toBeLessThanOrEqual(60_000);
    // A short count ends after 100 ms, so that this is more than the time really spent.
    const tries = (600 / 2) * (tookMs - 100);
    expect(countingMs - tries).toBeLessThan(share * 600_000);
    const done = service.shutdown();
    await clock.advance('1m');
    await done;
  },
);
