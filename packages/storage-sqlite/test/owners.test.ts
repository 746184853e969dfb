import { addDuration, type Instant, type PartitionOwner, parseDuration, SystemClock } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { HOUR, itemOf, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

const KEY = { queue: 'mail', partition: 0 };
const EARLIER: Instant = new SystemClock().now();
const LATER = addDuration(EARLIER, parseDuration('1s'));

/** A queue that is there, and an earlier one of its name that was deleted or not. */
function owner(createdAt: Instant, deleted: readonly Instant[] = [], isThere = true): PartitionOwner {
  return {
    createdAt,
    isThere: async () => isThere,
    wasDeleted: async (at) => deleted.includes(at),
  };
}

/** A deletion that was cut short leaves items of a queue that is gone. */
describe('a partition with items of an earlier queue', () => {
  test('loses them if that queue was deleted', async () => {
    const backend = openBackend(await newFolder());
    await backend.partitionStore(KEY, owner(EARLIER)).produce(itemOf('old'), HOUR);
    await backend.partitionStore(KEY, owner(LATER, [EARLIER])).produce(itemOf('new'), HOUR);
    expect(await payloadsOf(backend)).toEqual(['new']);
  });

  test('keeps them, and serves no other queue, if nothing proves the deletion', async () => {
    const backend = openBackend(await newFolder());
    await backend.partitionStore(KEY, owner(EARLIER)).produce(itemOf('old'), HOUR);
    const later = backend.partitionStore(KEY, owner(LATER));
    const refusal = {
      name: 'StorageError',
      message: "storage 'disk': partition 0 of queue 'mail' has items of an earlier queue of that name",
      outcome: 'not-applied',
    };
    await expect(later.produce(itemOf('new'), HOUR)).rejects.toMatchObject(refusal);
    await expect(later.stats()).rejects.toMatchObject(refusal);
    await later.drop();
    expect(await payloadsOf(backend)).toEqual(['old']);
  });

  test('is replaced if it is empty', async () => {
    const backend = openBackend(await newFolder());
    await backend.partitionStore(KEY, owner(EARLIER)).probe();
    await backend.partitionStore(KEY, owner(LATER)).produce(itemOf('new'), HOUR);
    expect(await payloadsOf(backend)).toEqual(['new']);
  });
});

test('a partition of a queue that is gone is not made', async () => {
  const backend = openBackend(await newFolder());
  const gone = backend.partitionStore(KEY, owner(EARLIER, [], false));
  await expect(gone.produce(itemOf('lost'), HOUR)).rejects.toMatchObject({
    message:
      "storage 'disk': partition 0 of queue 'mail' is not made: the queue was deleted, or is being deleted",
    outcome: 'not-applied',
  });
  expect(await payloadsOf(backend)).toEqual([]);
});
