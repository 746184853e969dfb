import {
  type Caller,
  type CountedPartition,
  decorateStore,
  PARTITION_STORE,
  QUEUE_STORE,
  type QueueListRequest,
  type QueueStore,
  STORAGE_BACKEND,
  type StorageBackend,
  StorageError,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type ListQueueRowsCall, type QueueRowsPage } from '../src/index.ts';
import { Harness, queueCall, watch } from './support/harness.ts';

const CALL: ListQueueRowsCall = {
  ...{ namespace: '', filter: '', sort: '', descending: false, limit: 0, cursor: '', withRates: false },
};

const list = (h: Harness, call: Partial<ListQueueRowsCall> = {}, caller?: Caller) =>
  h.service.queueLists.list({ ...CALL, ...call }, { caller });
const namesOf = ({ rows }: { readonly rows: readonly { readonly name: string }[] }) =>
  rows.map(({ name }) => name);

/** Lets the sampler count everything. */
async function counted(h: Harness, seconds = 3): Promise<void> {
  await list(h);
  for (let n = 0; n < seconds; n++) await h.clock.advance('1s');
  await h.settle();
}

/** A caller who may see the queues of these namespaces. */
const seeing = (...namespaces: string[]): Caller => ({
  principal: { userId: 'u', username: 'u', keyId: undefined, expiresAt: undefined, namespaceScope: '' },
  may: (permission, namespace) => permission === 'queue.stats' && namespaces.includes(namespace),
});

test('a queue has no counts at first, and those of a few seconds ago later, with their age', async () => {
  const h = new Harness();
  await h.create('dead');
  await h.create('q', { deadQueue: 'dead', requestedPartitions: 2 });
  await h.produce('q', ['a', 'b', 'c']);
  await h.produce('dead', ['d']);
  await h.lease('q', 1);
  expect(await list(h)).toMatchObject({
    total: 2,
    cursor: '',
    rows: [
      { name: 'dead', items: undefined, dead: undefined },
      { name: 'q', items: undefined, dead: undefined, partitions: 2, storages: ['mem'], deadQueue: 'dead' },
    ],
  });
  await counted(h);
  await h.clock.advance('1s');
  const { rows } = await list(h);
  expect(rows[1]).toMatchObject({ items: { waiting: 2, leased: 1, scheduled: 0 }, dead: 1 });
  expect(rows[1]?.items?.countAgeMs).toBeLessThanOrEqual(3_000);
  expect(rows[1]?.items?.headAgeMs).toBeGreaterThan(0);
});

describe('what this process has created, changed or deleted is in the next list', () => {
  test('without a pause', async () => {
    const h = new Harness();
    await h.create('a');
    await h.create('b');
    expect(namesOf(await list(h))).toEqual(['a', 'b']);
    await h.create('c', { deadQueue: 'a' });
    await h.service.queues.delete('b', false);
    expect((await list(h)).rows).toMatchObject([{ name: 'a' }, { name: 'c', deadQueue: 'a' }]);
    await h.service.queues.update(queueCall('c', { maxAttempts: 1 }));
    await h.service.pauses.pause({ queueName: 'a', produce: false, lease: true, until: undefined });
    const [a, c] = (await list(h)).rows;
    expect(a?.pauses).toHaveProperty('lease');
    expect(c?.deadQueue).toBe('');
  });

  test('while all queues are being read', async () => {
    const h = new Harness();
    await h.create('a');
    await list(h);
    await h.clock.advance('1s');
    const release = h.storage.holdQueues('list');
    const during = list(h);
    await h.settle();
    await h.create('b');
    release();
    expect(namesOf(await during)).toEqual(['a']);
    expect(namesOf(await list(h))).toEqual(['a', 'b']);
  });

  test('when it could not be read at first', async () => {
    const h = new Harness();
    await h.create('a');
    await list(h);
    await h.create('b');
    h.storage.failQueues('list', 'not-applied');
    expect(namesOf(await list(h))).toEqual(['a']);
    h.storage.healQueues();
    expect(namesOf(await list(h))).toEqual(['a', 'b']);
  });

  test('when there are many of them', async () => {
    const h = new Harness();
    await h.create('q');
    await list(h);
    for (let n = 0; n < 150; n++) await h.create(`q-${n}`);
    expect((await list(h, { limit: 1_000 })).rows).toHaveLength(151);
  });
});

test('nothing is counted unless somebody has looked within a minute', async () => {
  const h = new Harness();
  await h.create('q');
  await h.clock.advance('1h');
  expect(h.storage.count('stats')).toBe(0);
  await counted(h);
  for (let n = 0; n < 70; n++) await h.clock.advance('1s');
  const before = h.storage.count('stats');
  expect(before).toBeGreaterThan(20);
  await h.clock.advance('1h');
  expect(h.storage.count('stats')).toBe(before);
  // What was known has gone too.
  expect((await list(h)).rows[0]?.items).toBeUndefined();
});

test('counts take at most a twentieth of the time, and no request waits for one', async () => {
  const clock = new ManualClock();
  let running = 0;
  let busyMs = 0;
  const backend = withStats(memoryBackend({ name: 'mem', clock, random: new SeededRandom() }), async () => {
    expect(++running).toBe(1);
    await new Promise<void>((resolve) => {
      clock.startTimer(10, resolve);
    });
    running--;
    busyMs += 10;
  });
  const service = createService({
    ...{ clock, random: new SeededRandom(), queueStore: backend.queueStore() },
    storages: [{ backend, affinity: 1 }],
  });
  for (let n = 0; n < 40; n++) await service.queues.create(queueCall(`q-${n}`));
  await service.queueLists.list(CALL);
  for (let n = 0; n < 1_000; n++) {
    await clock.advance('10ms');
    if (n % 50 === 0) expect((await service.queueLists.list(CALL)).rows).toHaveLength(40);
  }
  expect(busyMs).toBeGreaterThan(200);
  expect(busyMs).toBeLessThanOrEqual(10_000 / 20 + 30);
});

/** A storage that does something before each count. */
function withStats(backend: StorageBackend, before: () => Promise<void>): StorageBackend {
  return decorateStore(STORAGE_BACKEND, backend, (member, call) => {
    if (member === 'countSmall') {
      const count = call as unknown as NonNullable<StorageBackend['countSmall']>;
      return async (partitions: readonly CountedPartition[]) => {
        for (const _ of partitions) await before();
        return count(partitions);
      };
    }
    if (member !== 'partitionStore') return call;
    const make = call as unknown as StorageBackend['partitionStore'];
    return (...args: Parameters<StorageBackend['partitionStore']>) =>
      decorateStore(PARTITION_STORE, make(...args), (name, inner) =>
        name === 'stats' ? async (...given: never[]) => before().then(() => inner(...given)) : inner,
      );
  });
}

test('a storage that fails leaves the list as it is', async () => {
  const h = new Harness();
  await h.create('q');
  await h.produce('q', ['a']);
  await counted(h);
  h.storage.cut(0);
  for (let n = 0; n < 5; n++) await h.clock.advance('1s');
  const { rows } = await list(h);
  expect(rows[0]?.items).toMatchObject({ waiting: 1 });
  expect(rows[0]?.items?.countAgeMs).toBeGreaterThan(4_000);
  expect(h.logged.filter((line) => line.includes('for their list')).length).toBe(1);
});

test('it is sorted, with what was not counted at the end', async () => {
  const h = new Harness();
  for (const [name, count] of [
    ['b', 2],
    ['a', 1],
    ['c', 3],
    ['d', 2],
  ] as const) {
    await h.create(name);
    await h.produce(
      name,
      Array.from({ length: count }, () => 'x'),
    );
    await h.clock.advance('1s');
  }
  await counted(h);
  await h.create('e');
  expect(namesOf(await list(h))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(namesOf(await list(h, { descending: true }))).toEqual(['e', 'd', 'c', 'b', 'a']);
  expect(namesOf(await list(h, { sort: 'waiting' }))).toEqual(['a', 'b', 'd', 'c', 'e']);
  expect(namesOf(await list(h, { sort: 'waiting', descending: true }))).toEqual(['c', 'b', 'd', 'a', 'e']);
  expect(namesOf(await list(h, { sort: 'head_age', descending: true }))).toEqual(['b', 'a', 'c', 'd', 'e']);
});

test('a cursor goes on after its queue, whatever comes and goes', async () => {
  const h = new Harness();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await h.create(name);
  const first = await list(h, { limit: 2 });
  expect([namesOf(first), first.total]).toEqual([['a', 'b'], 5]);
  await h.service.queues.delete('b', false);
  await h.create('aa');
  await h.create('cc');
  await h.clock.advance('1s');
  const second = await list(h, { limit: 2, cursor: first.cursor });
  expect(namesOf(second)).toEqual(['c', 'cc']);
  const third = await list(h, { limit: 2, cursor: second.cursor });
  expect([namesOf(third), third.cursor]).toEqual([['d', 'e'], '']);
});

test('a filter finds a part of the name in either case', async () => {
  const h = new Harness();
  for (const name of ['Mail-out', 'mail-in', 'orders']) await h.create(name);
  const found = await list(h, { filter: 'MAIL' });
  expect([namesOf(found), found.total]).toEqual([['Mail-out', 'mail-in'], 2]);
  expect(namesOf(await list(h, { filter: '%' }))).toEqual([]);
});

test('a caller sees the queues of the namespaces that they may see', async () => {
  const h = new Harness();
  await h.create('dead', { namespace: 'b' });
  await h.create('one', { namespace: 'a', deadQueue: 'dead' });
  await h.create('two', { namespace: 'b' });
  await h.produce('dead', ['x']);
  await counted(h);
  expect(namesOf(await list(h, {}, seeing('a')))).toEqual(['one']);
  expect(namesOf(await list(h, { namespace: 'b' }, seeing('a', 'b')))).toEqual(['dead', 'two']);
  // What another namespace holds stays hidden, in the order too.
  expect((await list(h, { sort: 'dead' }, seeing('a'))).rows[0]?.dead).toBeUndefined();
  expect((await list(h, {}, seeing('a', 'b'))).rows[1]?.dead).toBe(1);
  for (const call of [{ namespace: 'b' }, { namespace: 'none' }]) {
    await expect(list(h, call, seeing('a'))).rejects.toMatchObject({ code: 'forbidden' });
  }
  await expect(list(h, {}, seeing())).rejects.toMatchObject({ code: 'forbidden' });
});

test('a pause is shown until it ends', async () => {
  const h = new Harness();
  await h.create('q');
  await h.service.pauses.pause({ queueName: 'q', produce: true, lease: false, until: undefined });
  await h.clock.advance('1s');
  expect((await list(h)).rows[0]?.pauses).toMatchObject({ produce: {} });
  await h.service.pauses.resume({ queueName: 'q', produce: true, lease: false });
  await h.clock.advance('1s');
  expect((await list(h)).rows[0]?.pauses).toEqual({});
});

test('a queue that was deleted and created anew has no counts of the earlier one', async () => {
  const h = new Harness();
  await h.create('q');
  await h.produce('q', ['a']);
  await counted(h);
  await h.service.queues.delete('q', true);
  await h.clock.advance('1s');
  await h.create('q');
  await h.clock.advance('1s');
  expect((await list(h)).rows[0]?.items?.waiting ?? 0).toBe(0);
});

test.each([
  [{ sort: 'size' }, /^sort is invalid; 'size' is not one of [(]name, waiting, head_age, dead[)]$/],
  [{ limit: -1 }, 'limit is invalid; limit cannot be negative'],
  [{ limit: 1_001 }, 'limit is invalid; cannot be greater than 1000'],
  [{ cursor: 'x' }, 'cursor is invalid; expected the cursor of a reply in the same order'],
  [{ cursor: Buffer.from('["waiting",false,1,"q"]').toString('base64url') }, /^cursor is invalid;/],
  [{ filter: '\u0000' }, /^filter is invalid;/],
])('%o is refused', async (call, message) => {
  const h = new Harness();
  await expect(list(h, call)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(message),
  });
});

test('the first page does not wait until all queues were read', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const queueStore = decorateStore(QUEUE_STORE, backend.queueStore(), (member, call) => {
    if (member !== 'list') return call;
    const read = call as unknown as QueueStore['list'];
    // Only the read of all queues asks for as many.
    return async (request: QueueListRequest) => {
      if (request.limit === 500) await opened;
      return read(request);
    };
  });
  const service = createService({
    ...{ clock, random: new SeededRandom(), queueStore },
    storages: [{ backend, affinity: 1 }],
  });
  for (const name of ['b', 'a', 'c']) await service.queues.create(queueCall(name));
  await service.queues.create(queueCall('aa', { namespace: 'hidden' }));
  const caller = seeing('_system');
  const call = { ...CALL, limit: 2, sort: 'waiting', descending: true };
  const first = watch(service.queueLists.list(call, { caller }));
  await clock.advance('9ms');
  expect(first.state).toBe('pending');
  await clock.advance('1ms');
  const { rows, total, cursor } = first.value as QueueRowsPage;
  expect([rows.map(({ name }) => name), total]).toEqual([['a', 'b'], undefined]);
  open();
  await clock.advance('1ms');
  const next = await service.queueLists.list({ ...call, cursor }, { caller });
  expect(next).toMatchObject({ total: 3, cursor: '', rows: [{ name: 'c' }] });
});

test('queues are counted also where reading all of them takes long', async () => {
  const clock = new ManualClock();
  const backend = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  let reads = 0;
  const queueStore = decorateStore(QUEUE_STORE, backend.queueStore(), (member, call) => {
    if (member !== 'list') return call;
    return async (...args: never[]) => {
      reads++;
      await new Promise<void>((resolve) => {
        clock.startTimer(300, resolve);
      });
      return call(...args);
    };
  });
  const service = createService({
    ...{ clock, random: new SeededRandom(), queueStore },
    storages: [{ backend, affinity: 1 }],
  });
  for (const name of ['a', 'b']) await service.queues.create(queueCall(name));
  const first = service.queueLists.list(CALL);
  await clock.advance('1s');
  await first;
  for (let second = 0; second < 30; second++) {
    await clock.advance('1s');
    const { rows } = await service.queueLists.list(CALL);
    if (second > 10) expect(rows.map(({ items }) => items?.waiting)).toEqual([0, 0]);
  }
  // One for the first page, and then one each 12 s.
  expect(reads).toBeLessThanOrEqual(5);
});

test('the list fails only if the queues were never read', async () => {
  const h = new Harness();
  await h.create('q');
  h.storage.cutQueues();
  await expect(list(h)).rejects.toBeInstanceOf(StorageError);
  h.storage.healQueues();
  await list(h);
  h.storage.cutQueues();
  await h.clock.advance('1s');
  expect(namesOf(await list(h))).toEqual(['q']);
});
