import { type ImportedItem, parseDuration } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { memoryBackend } from '../src/index.ts';

const EXPIRE = parseDuration('24h');
const LEASE = { limit: 1, leaseTimeout: parseDuration('1h') };
const ALL = { waiting: true, leased: true, scheduled: true };
const QUEUED = { state: 'queued', pivot: '', limit: 1e6 } as const;

function imported(more: Partial<ImportedItem> = {}): ImportedItem {
  const content = { encoding: '', kind: '', reference: '', payload: new Uint8Array(1) };
  return { ...content, isLeased: false, attempts: 0, maxAttempts: 0, ...more };
}

/** A partition that counts its pauses, and runs the given work in each. */
function open(between: () => Promise<unknown> = async () => {}) {
  let pauses = 0;
  const pause = async () => {
    pauses++;
    await between();
  };
  const backend = memoryBackend({ name: 'm', clock: new ManualClock(), random: new SeededRandom(1), pause });
  const store = backend.partitionStore({ queue: 'q', partition: 0 });
  return {
    store,
    /** The pauses of a call. */
    pausesOf: async (call: () => Promise<unknown>) => {
      const before = pauses;
      await call();
      return pauses - before;
    },
  };
}

test('an import of up to 1,000 small items takes one turn, a larger one several', async () => {
  const { store, pausesOf } = open();
  const importing = (count: number) => store.import(Array(count).fill(imported()), EXPIRE);
  expect(await pausesOf(() => importing(1_000))).toBe(0);
  expect(await pausesOf(() => importing(1_001))).toBe(1);
  expect(await pausesOf(() => importing(65_536))).toBe(65);
  const ids = (await store.list(QUEUED)).map(({ id }) => id);
  expect(ids).toHaveLength(67_537);
  expect(ids).toEqual(ids.toSorted());
});

test('an import of large items takes several turns', async () => {
  const { store, pausesOf } = open();
  const importing = (count: number, bytes: number) =>
    store.import(Array(count).fill(imported({ payload: new Uint8Array(bytes) })), EXPIRE);
  // Three items at a time, each time a turn to store them and one to return them.
  expect(await pausesOf(() => importing(9, 2_000_000))).toBe(5);
  expect(await pausesOf(() => importing(1, 5_000_000))).toBe(1);
});

test('a large import leaves out known source ids, and returns what it stored', async () => {
  const { store } = open();
  const source = (n: number) => String(n).padStart(27, '0');
  await store.import([imported({ sourceId: source(1_500) })], EXPIRE);
  const items = Array.from({ length: 2_500 }, (_, n) =>
    imported({ sourceId: source(n % 2_000), attempts: n }),
  );
  const stored = await store.import(items, EXPIRE);
  expect(stored.map((item) => item?.attempts)).toEqual(
    items.map(({ attempts }) => (attempts === 1_500 || attempts >= 2_000 ? undefined : attempts)),
  );
});

test('large imports run one after the other', async () => {
  const { store } = open();
  const importing = (attempts: number) => store.import(Array(3_000).fill(imported({ attempts })), EXPIRE);
  await Promise.all([importing(1), importing(2)]);
  const attempts = (await store.list(QUEUED)).map((item) => item.attempts);
  expect(attempts).toEqual(attempts.toSorted());
});

test('a clear takes several turns, and leaves alone what is produced meanwhile', async () => {
  const content = { encoding: '', kind: '', reference: 'later', payload: new Uint8Array() };
  const { store, pausesOf } = open(() => store.produce([{ items: [content] }], EXPIRE));
  for (let round = 0; round < 5; round++) await store.import(Array(1_000).fill(imported()), EXPIRE);
  expect(await pausesOf(() => store.clear(ALL))).toBe(4);
  expect((await store.list(QUEUED)).map(({ reference }) => reference)).toEqual(Array(4).fill('later'));
  expect(await store.clear(ALL)).toBe(4);
});

test('a clear also removes an item that returns to the tail meanwhile', async () => {
  let last = '';
  const rules = { maxAttempts: 0, dead: 'delete' } as const;
  const { store } = open(async () => {
    if (last === '') return;
    const [retried] = await store.retry([{ items: [{ id: last, dead: false, retryAt: undefined }] }], rules);
    expect(retried).toMatchObject({ ok: true });
    last = '';
  });
  for (let round = 0; round < 3; round++) await store.import(Array(1_000).fill(imported()), EXPIRE);
  const leased = await store.lease({ ...LEASE, limit: 3_000 });
  last = leased.at(-1)?.id as string;
  expect(await store.clear(ALL)).toBe(3_000);
  expect(await store.list(QUEUED)).toEqual([]);
  expect(await store.stats()).toMatchObject({ waiting: 0, leased: 0 });
});

test('a list that passes many items takes several turns', async () => {
  const { store, pausesOf } = open();
  for (let round = 0; round < 120; round++) await store.import(Array(1_000).fill(imported()), EXPIRE);
  const scheduled = { ...QUEUED, state: 'scheduled' } as const;
  expect(await pausesOf(() => store.list(scheduled))).toBe(2);
  const pages = await store.list({ ...QUEUED, limit: 120_000 });
  expect(new Set(pages.map(({ id }) => id)).size).toBe(120_000);
});

test('a list of items beyond 16 MB takes several turns', async () => {
  const { store, pausesOf } = open();
  for (let n = 0; n < 3; n++) await store.import([imported({ payload: new Uint8Array(17_000_000) })], EXPIRE);
  expect(await pausesOf(() => store.list(QUEUED))).toBe(2);
});
