import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  type CarriedBatch,
  type CarriedItem,
  formatItemId,
  type ItemId,
  instantFromMicroseconds,
  type MoveClaim,
  type MoveStore,
  type PartitionKey,
  type StorageBackend,
} from '@querator/core';
import { expect, test } from 'vitest';
import { HOUR, itemOf, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

const CLAIM: MoveClaim = { task: 'task-1', generation: 1 };
const NOTHING: CarriedBatch = { items: [], gone: [], keys: [] };
const FAR = instantFromMicroseconds(4_000_000_000_000_000n);

function moveOf(backend: StorageBackend, queue: string): MoveStore {
  const store = backend.moveStore?.({ queue, partition: 0 });
  if (store === undefined) throw new Error('no moveStore');
  return store;
}

const idOf = (number: bigint): ItemId => formatItemId(number, 'abcdefghij');

/** An item that waits, as it comes from another storage. */
function carried(id: ItemId, text: string): CarriedItem {
  return {
    ...{ id, encoding: '', kind: '', reference: '', payload: new TextEncoder().encode(text) },
    ...{ createdAt: instantFromMicroseconds(1n), expireDeadline: FAR, attempts: 0, maxAttempts: 0 },
    state: 'waiting',
  };
}

/** Brings items to a queue's partition from another storage. */
async function bring(backend: StorageBackend, queue: string, items: readonly CarriedItem[]) {
  const move = moveOf(backend, queue);
  await move.begin(CLAIM, 'target');
  await move.write(CLAIM, { ...NOTHING, items, above: 1_000n });
  await move.open(CLAIM);
  await move.end(CLAIM);
}

async function leasedBy(backend: StorageBackend, queue: string): Promise<readonly ItemId[]> {
  const leased = await backend
    .partitionStore({ queue, partition: 0 })
    .lease({ limit: 10, leaseTimeout: HOUR });
  return leased.map(({ id }) => id);
}

test('partitions from other storages keep their ids, although others here have the same numbers', async () => {
  const path = join(await newFolder(), 'queues.db');
  const first = openBackend(path);
  const local = first.partitionStore({ queue: 'local', partition: 0 });
  for (const text of ['a', 'b', 'c']) await local.produce(itemOf(text), HOUR);
  const numbers = [1n, 2n, 3n, 900n];
  for (const queue of ['one', 'two']) {
    await bring(
      first,
      queue,
      numbers.map((number) => carried(idOf(number), `${queue}-${number}`)),
    );
  }
  await first.close();

  const backend = openBackend(path);
  for (const queue of ['one', 'two']) {
    const partition = backend.partitionStore({ queue, partition: 0 });
    await partition.produce(itemOf('new'), HOUR);
    const found = await partition.list({ state: 'queued', pivot: idOf(2n), limit: 10 });
    expect(found.slice(0, 3).map(({ id }) => id)).toEqual([2n, 3n, 900n].map(idOf));
    expect((await partition.find?.({ filter: { ids: [idOf(3n)] }, limit: 10 }))?.items).toHaveLength(1);
    const [id1, ...rest] = await leasedBy(backend, queue);
    expect(rest.slice(0, 3)).toEqual([2n, 3n, 900n].map(idOf));
    const newer = rest.at(-1) as ItemId;
    expect(newer > idOf(1_000n)).toBe(true);
    const [done] = await partition.complete([{ ids: [id1 as ItemId, idOf(3n), newer] }]);
    expect(done?.ok).toBe(true);
    expect(await partition.delete([idOf(900n)])).toBe(1);
    expect(await payloadsOf(backend, queue)).toEqual([`${queue}-2`]);
    expect(await partition.clear({ waiting: true, leased: true, scheduled: true })).toBe(1);
  }
  expect(await payloadsOf(backend, 'local')).toEqual(['a', 'b', 'c']);
});

test('refuses ids that it cannot store, and stores nothing of their batch', async () => {
  const backend = openBackend(join(await newFolder(), 'queues.db'));
  const move = moveOf(backend, 'mail');
  await move.begin(CLAIM, 'target');
  const good = carried(idOf(1n), 'good');
  const refused: readonly [Partial<CarriedBatch>, RegExp][] = [
    [{ items: [good, carried('not-an-id', 'x')] }, /cannot store an item with the id 'not-an-id'/],
    [{ items: [good, carried(idOf(2n ** 48n), 'x')] }, /cannot store an item with the id/],
    [
      { items: [good, carried(formatItemId(1n, 'zzzzzzzzzz'), 'x')] },
      /cannot store two items with one number/,
    ],
    [{ items: [good], above: 2n ** 48n }, /numbers up to 281474976710656/],
  ];
  for (const [batch, message] of refused) {
    await expect(move.write(CLAIM, { ...NOTHING, ...batch })).rejects.toMatchObject({
      ...{ name: 'QueueError', code: 'invalid' },
      message: expect.stringMatching(message),
    });
    expect(await payloadsOf(backend)).toEqual([]);
  }
  await move.write(CLAIM, { ...NOTHING, items: [good] });
  expect(await payloadsOf(backend)).toEqual(['good']);
});

test('a closed partition stays closed through a restart, and the changes that were noted stay', async () => {
  const path = join(await newFolder(), 'queues.db');
  const first = openBackend(path);
  await first.partitionStore({ queue: 'mail', partition: 0 }).produce(itemOf('a'), HOUR);
  const { history } = await moveOf(first, 'mail').begin(CLAIM, 'source');
  await first.partitionStore({ queue: 'mail', partition: 0 }).produce(itemOf('b'), HOUR);
  await moveOf(first, 'mail').close(CLAIM);
  await first.close();

  const backend = openBackend(path);
  const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
  await expect(partition.produce(itemOf('c'), HOUR)).rejects.toMatchObject({ closed: true });
  const move = moveOf(backend, 'mail');
  expect(await move.begin(CLAIM, 'source')).toMatchObject({ state: 'closed', history });
  expect((await move.readChanges(CLAIM, 10)).items).toHaveLength(1);
  await move.reopen(CLAIM);
  await partition.produce(itemOf('c'), HOUR);
  expect((await move.readChanges(CLAIM, 10)).items).toHaveLength(2);
});

test.each([
  ['full', true],
  ['normal', false],
] as const)(
  'with durability %s the history of a move stays through a restart: %s',
  async (durability, stays) => {
    const path = join(await newFolder(), 'queues.db');
    const begin = async () => {
      const backend = openBackend(path, { durability });
      const { history } = await moveOf(backend, 'mail').begin(CLAIM, 'source');
      await backend.close();
      return history;
    };
    const before = await begin();
    expect((await begin()) === before).toBe(stays);
  },
);

test('leaves no trigger and no change behind when a queue that moves is deleted, or its move ends', async () => {
  const path = join(await newFolder(), 'queues.db');
  const backend = openBackend(path);
  const rest = () => {
    const file = new DatabaseSync(path);
    const [{ triggers, changes }] = file
      .prepare(
        `select (select count(*) from sqlite_schema where type = 'trigger') as triggers,
           (select count(*) from changes) as changes`,
      )
      .all() as [{ triggers: number; changes: number }];
    file.close();
    return [triggers, changes];
  };
  for (const end of [
    (key: PartitionKey) => backend.partitionStore(key).drop(),
    (key: PartitionKey) => moveOf(backend, key.queue).end(CLAIM),
  ]) {
    const key = { queue: 'mail', partition: 0 };
    await moveOf(backend, 'mail').begin(CLAIM, 'source');
    await backend.partitionStore(key).produce(itemOf('a'), HOUR);
    expect(rest()).toEqual([4, 1]);
    await end(key);
    expect(rest()).toEqual([0, 0]);
  }
});

test('a file of the version before moves is brought up to date, and keeps its items', async () => {
  const path = join(await newFolder(), 'queues.db');
  const first = openBackend(path);
  await first.partitionStore({ queue: 'mail', partition: 0 }).produce(itemOf('a'), HOUR);
  await first.close();
  const file = new DatabaseSync(path);
  file.exec(
    `drop table changes; drop table rates; drop table secrets; delete from numbers where name = 'file'`,
  );
  file.exec('pragma user_version = 1');
  for (const column of ['range', 'gate', 'task', 'generation', 'begun', 'key_spread']) {
    file.exec(`alter table partitions drop column ${column}`);
  }
  file.exec('alter table dropped_partitions drop column range');
  file.close();

  const backend = openBackend(path);
  expect(await payloadsOf(backend)).toEqual(['a']);
  await bring(backend, 'other', [carried(idOf(1n), 'b')]);
  expect(await payloadsOf(backend, 'other')).toEqual(['b']);
});
