import {
  type CountedPartition,
  type CountOptions,
  decorateStore,
  type NewQueue,
  PARTITION_STORE,
  parseDuration,
  STORAGE_BACKEND,
  type StorageBackend,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { createService, type ListQueueRowsCall } from '../src/index.ts';

const CALL: ListQueueRowsCall = {
  ...{ namespace: '', filter: '', sort: '', descending: false, limit: 0, cursor: '', withRates: false },
};
/** How long the count of a small queue takes, as one of many, and that of a large one. */
const SMALL_MS = 0.2;
const LARGE_MS = 1_000;
const HUGE = { waiting: 10_000_000, leased: 3, scheduled: 2, estimated: true };

const queueNamed = (name: string): NewQueue => ({
  ...{ name, namespace: '_system', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
  ...{ leaseTimeout: parseDuration('1m'), expireTimeout: parseDuration('1h') },
  partitions: [{ partition: 0, storageName: 'mem' }],
});

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}-${String(n).padStart(6, '0')}`);

/** A service on a storage whose counts take time. Queues whose names begin with `large` are not small. */
async function withQueues(names: readonly string[], { countsTogether = true, callMs = 0 } = {}) {
  const clock = new ManualClock();
  const inner = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  for (const name of names) await inner.queueStore().create(queueNamed(name), () => {});
  const work = { busyMs: 0, together: [] as (readonly string[])[], alone: [] as string[] };
  const backend = withCosts(inner, clock, { work, callMs });
  const { countSmall: _, capabilities, ...others } = backend;
  const { counts: __, ...claims } = capabilities;
  const service = createService({
    ...{ clock, random: new SeededRandom(), queueStore: inner.queueStore() },
    storages: [{ backend: countsTogether ? backend : { ...others, capabilities: claims }, affinity: 1 }],
  });
  const list = (call: Partial<ListQueueRowsCall> = {}) => service.queueLists.list({ ...CALL, ...call });
  /** Looks at the list every five seconds. */
  const watch = async (seconds: number, call: Partial<ListQueueRowsCall> = {}) => {
    for (let second = 0; second < seconds; second++) {
      if (second % 5 === 0) await list(call);
      for (let step = 0; step < 4; step++) await clock.advance('250ms');
    }
  };
  const uncounted = async () => {
    let [found, cursor] = [0, ''];
    do {
      const page = await list({ limit: 1_000, cursor });
      found += page.rows.filter(({ items }) => items === undefined).length;
      cursor = page.cursor;
    } while (cursor !== '');
    return found;
  };
  return { clock, work, list, watch, uncounted };
}

interface Work {
  busyMs: number;
  readonly together: (readonly string[])[];
  readonly alone: string[];
}

/** @param options `callMs`: what a count of many queues costs besides, in milliseconds. */
function withCosts(
  inner: StorageBackend,
  clock: ManualClock,
  { work, callMs }: { readonly work: Work; readonly callMs: number },
): StorageBackend {
  const takes = async (ms: number) => {
    await new Promise<void>((resolve) => {
      clock.startTimer(ms, resolve);
    });
    work.busyMs += ms;
  };
  const isLarge = (queue: string) => queue.startsWith('large');
  const countSmall = async (partitions: readonly CountedPartition[]) => {
    work.together.push(partitions.map(({ queue }) => queue));
    await takes(callMs + Math.ceil(partitions.length * SMALL_MS));
    const counts = (await inner.countSmall?.(partitions)) ?? [];
    return counts.map((each, n) => (isLarge(partitions[n]?.queue ?? '') ? undefined : each));
  };
  const partitionStore: StorageBackend['partitionStore'] = (key, owner) => {
    const store = inner.partitionStore(key, owner);
    const stats = async (options?: CountOptions) => {
      work.alone.push(key.queue);
      await takes(isLarge(key.queue) ? LARGE_MS : 1);
      const counted = await store.stats(options);
      return isLarge(key.queue) && options?.mayEstimate ? { ...counted, ...HUGE } : counted;
    };
    return decorateStore(PARTITION_STORE, store, (name, call) => (name === 'stats' ? stats : call));
  };
  return decorateStore(STORAGE_BACKEND, inner, (member, call) => {
    if (member === 'countSmall') return countSmall;
    return member === 'partitionStore' ? partitionStore : call;
  });
}

test('10,000 small queues are counted within a minute, in a twentieth of the time', async () => {
  const { clock, work, watch, uncounted } = await withQueues(numbered('q', 10_000));
  const began = clock.now();
  await watch(58);
  expect(await uncounted()).toBe(0);
  const passedMs = Number(clock.now() - began) / 1_000;
  expect(work.busyMs).toBeGreaterThan(1_500);
  expect(work.busyMs).toBeLessThanOrEqual(passedMs / 20 + 100);
  // Many at a time, but no turn takes long.
  const most = Math.max(...work.together.map(({ length }) => length));
  expect(most).toBeGreaterThan(100);
  expect(most * SMALL_MS).toBeLessThan(60);
});

test('large queues do not hold up small ones, and show that they are estimated', async () => {
  const names = [...numbered('large', 20), ...numbered('q', 2_000)];
  const { clock, work, list, watch } = await withQueues(names);
  const began = clock.now();
  await watch(30);
  const ages = async () => {
    const { rows } = await list({ filter: 'q-', limit: 1_000 });
    return rows.map(({ items }) => items?.countAgeMs ?? Number.POSITIVE_INFINITY);
  };
  expect(Math.max(...(await ages()))).toBeLessThan(30_000);
  await watch(90);
  expect(Math.max(...(await ages()))).toBeLessThan(30_000);
  const passedMs = Number(clock.now() - began) / 1_000;
  expect(work.alone.length).toBeGreaterThan(2);
  // The last one of the large queues may have ended just now.
  expect(work.busyMs - LARGE_MS).toBeLessThanOrEqual(passedMs / 20);
  const { rows } = await list({ filter: work.alone[0] ?? '' });
  expect(rows).toMatchObject([{ items: HUGE }]);
  expect((await list({ filter: 'q-000000' })).rows).toMatchObject([{ items: { estimated: false } }]);
});

test('queues that somebody sees are counted first, those of all viewers, with their dead-letter queues', async () => {
  const { work, list, clock } = await withQueues(numbered('q', 5_000));
  await list({ limit: 5 });
  // The first turn begins with the read of all queues.
  await clock.advance('1s');
  const before = work.together.length;
  const seen = [
    ...(await list({ filter: '4321' })).rows,
    ...(await list({ filter: '4999' })).rows,
    ...(await list({ filter: '4998', sort: 'waiting', descending: true })).rows,
  ].map(({ name }) => name);
  await clock.advance('1s');
  expect(work.together[before]?.slice(0, seen.length)).toEqual(seen);
  await clock.advance('1s');
  const rows = [...(await list({ filter: '4321' })).rows, ...(await list({ filter: '4999' })).rows];
  expect(rows.map(({ items }) => items?.waiting)).toEqual([0, 0]);
});

test('a storage that counts one partition at a time is counted so', async () => {
  const { work, watch, uncounted, clock } = await withQueues(numbered('q', 50), { countsTogether: false });
  const began = clock.now();
  await watch(20);
  expect(await uncounted()).toBe(0);
  expect(work.together).toEqual([]);
  expect(work.busyMs).toBeLessThanOrEqual(Number(clock.now() - began) / 20_000 + 30);
});

test('where each call costs much, more queues are counted by one call', async () => {
  const { work, watch, uncounted, clock } = await withQueues(numbered('q', 3_000), { callMs: 100 });
  const began = clock.now();
  await watch(60);
  expect(await uncounted()).toBe(0);
  expect(work.busyMs).toBeLessThanOrEqual(Number(clock.now() - began) / 20_000 + 200);
});
