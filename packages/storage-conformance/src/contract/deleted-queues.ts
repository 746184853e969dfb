import { addDuration, type NewQueue, type PartitionOwner, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

function newQueue(name: string): NewQueue {
  return {
    name,
    namespace: '',
    deadQueue: '',
    maxAttempts: 0,
    reference: '',
    requestedPartitions: 1,
    leaseTimeout: parseDuration('1m'),
    expireTimeout: parseDuration('1h'),
    partitions: [{ partition: 0, storageName: 'first' }],
  };
}

/** What `QueueStore` and `PartitionOwner` promise about deleted queues. */
export function describeDeletedQueues(test: StorageTest): void {
  describe('queue store: records of deletions', () => {
    // "Whether `delete` removed the queue with that name and creation time"
    test('name the deleted queue, and no other', async (fixture) => {
      const [name, other] = [fixture.name(), fixture.name()];
      const { createdAt } = await fixture.queues.create(newQueue(name));
      await fixture.queues.create(newQueue(other));
      expect(await fixture.queues.wasDeleted(name, createdAt)).toBe(false);
      await fixture.queues.delete(name);
      expect(await fixture.queues.wasDeleted(name, createdAt)).toBe(true);
      expect(await fixture.queues.wasDeleted(name, addDuration(createdAt, parseDuration('1us')))).toBe(false);
      expect(await fixture.queues.wasDeleted(other, createdAt)).toBe(false);
    });

    // a delete that finds another queue of that name deletes nothing
    test('name no queue that a deletion has left', async (fixture) => {
      const name = fixture.name();
      const { createdAt: first } = await fixture.queues.create(newQueue(name));
      await fixture.queues.delete(name, first);
      await fixture.clock.advance('1us');
      const { createdAt: second } = await fixture.queues.create(newQueue(name));
      await fixture.queues.delete(name, first);
      expect(await fixture.queues.wasDeleted(name, first)).toBe(true);
      expect(await fixture.queues.wasDeleted(name, second)).toBe(false);
      const never = addDuration(second, parseDuration('1us'));
      await fixture.queues.delete(name, never);
      expect(await fixture.queues.wasDeleted(name, never)).toBe(false);
    });

    // a queue that never existed was not deleted
    test('name no queue that never existed', async (fixture) => {
      const name = fixture.name();
      expect(await fixture.queues.wasDeleted(name, fixture.clock.now())).toBe(false);
      await fixture.queues.forgetDeletion(name, fixture.clock.now());
      await fixture.queues.delete(name, fixture.clock.now());
      expect(await fixture.queues.wasDeleted(name, fixture.clock.now())).toBe(false);
    });

    // the record does not occupy the name; a new queue of that name gets its own record
    test('leave the name free', async (fixture) => {
      const name = fixture.name();
      const { createdAt: first } = await fixture.queues.create(newQueue(name));
      await fixture.queues.delete(name);
      await fixture.clock.advance('1us');
      const { createdAt: second } = await fixture.queues.create(newQueue(name));
      await fixture.queues.delete(name);
      expect(await fixture.queues.wasDeleted(name, first)).toBe(true);
      expect(await fixture.queues.wasDeleted(name, second)).toBe(true);
    });

    // "A shared storage keeps it for another `DELETION_RECORD_TIMEOUT`"
    test.ifCapable('shared', 'stay for a day after the deletion has ended', async (fixture) => {
      const name = fixture.name();
      const { createdAt } = await fixture.queues.create(newQueue(name));
      await fixture.queues.delete(name);
      await fixture.queues.forgetDeletion(name, createdAt);
      const other = (await fixture.open()).queueStore();
      await fixture.clock.advance('23h59m');
      await other.forgetDeletion(fixture.name(), createdAt);
      expect(await other.wasDeleted(name, createdAt)).toBe(true);
      await fixture.clock.advance('2m');
      await other.forgetDeletion(fixture.name(), createdAt);
      expect(await fixture.queues.wasDeleted(name, createdAt)).toBe(false);
    });

    // without `forgetDeletion` the record stays
    test.ifCapable(
      'durable',
      'survive the process, and stay until they are no longer needed',
      async (fixture) => {
        const name = fixture.name();
        const { createdAt } = await fixture.queues.create(newQueue(name));
        await fixture.queues.delete(name);
        await fixture.clock.advance('1000h');
        await fixture.queues.forgetDeletion(fixture.name(), createdAt);
        await fixture.backend.close();
        expect(await (await fixture.open()).queueStore().wasDeleted(name, createdAt)).toBe(true);
      },
    );
  });

  describe('tables of an earlier queue of the same name', () => {
    const EARLIER = 'earlier';

    async function left(fixture: Fixture) {
      const key = { queue: fixture.name(), partition: 0 };
      const createdAt = fixture.clock.now();
      const owner = { createdAt, isThere: async () => true, wasDeleted: async () => false };
      const storeOf = async (of: PartitionOwner) =>
        fixture.script((await fixture.open()).partitionStore(key, of));
      await (await storeOf(owner)).produce(EARLIER);
      await fixture.clock.advance('1s');
      const later = { ...owner, createdAt: fixture.clock.now() };
      return { earlier: () => storeOf(owner), later: () => storeOf(later) };
    }

    // "the items stay, and calls fail … until an operator decides"; a driver that ignores owners lists them
    test.ifCapable(
      'shared',
      'is not removed for a queue that is not known to be deleted',
      async (fixture) => {
        const { earlier, later } = await left(fixture);
        const script = await later();
        const calls = [
          () => script.store.stats(),
          () => script.produce('later'),
          () => script.store.lease({ limit: 1, leaseTimeout: parseDuration('1ms') }),
        ];
        for (const call of calls) {
          await call().catch((error: unknown) =>
            expect(error).toMatchObject({ name: 'StorageError', outcome: 'not-applied' }),
          );
        }
        expect(textsOf(await (await earlier()).queued())).toContain(EARLIER);
      },
    );

    // `drop`: "Items that belong to another queue than the store's `owner` stay"
    test.ifCapable(
      'shared',
      'is not dropped with the later one by a driver that tells them apart',
      async (fixture) => {
        const { earlier, later } = await left(fixture);
        const script = await later();
        const tellsApart = await script.store.stats().then(
          () => false,
          () => true,
        );
        await script.store.drop();
        const kept = textsOf(await (await earlier()).queued());
        expect(kept).toEqual(tellsApart ? [EARLIER] : []);
      },
    );
  });
}
