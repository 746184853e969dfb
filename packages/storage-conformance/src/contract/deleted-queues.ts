import { addDuration, type NewQueue, type PartitionOwner, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { textsOf } from '../content.ts';
import type { StorageTest } from '../storage-test.ts';
import type { World } from '../fixture.ts';

function newQueue(name: string): NewQueue {
  return {
    ...{ name, namespace: '', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
    leaseTimeout: parseDuration('1m'),
    expireTimeout: parseDuration('1h'),
    partitions: [{ partition: 0, storageName: 'first' }],
  };
}

/** What `QueueStore` and `PartitionOwner` promise of queues that are gone. */
export function describeDeletedQueues(test: StorageTest): void {
  describe('queue store: notes of deletions', () => {
    // "Whether `delete` has removed the queue of that name that was created then"
    test('tell of the queue that was deleted, and of no other', async (world) => {
      const [name, other] = [world.name(), world.name()];
      const { createdAt } = await world.queues.create(newQueue(name));
      await world.queues.create(newQueue(other));
      expect(await world.queues.wasDeleted(name, createdAt)).toBe(false);
      await world.queues.delete(name);
      expect(await world.queues.wasDeleted(name, createdAt)).toBe(true);
      expect(await world.queues.wasDeleted(name, addDuration(createdAt, parseDuration('1us')))).toBe(false);
      expect(await world.queues.wasDeleted(other, createdAt)).toBe(false);
    });

    // a delete that found another queue under the name has deleted nothing
    test('tell nothing of a queue that a delete has spared', async (world) => {
      const name = world.name();
      const { createdAt: first } = await world.queues.create(newQueue(name));
      await world.queues.delete(name, first);
      await world.clock.advance('1us');
      const { createdAt: second } = await world.queues.create(newQueue(name));
      await world.queues.delete(name, first);
      expect(await world.queues.wasDeleted(name, first)).toBe(true);
      expect(await world.queues.wasDeleted(name, second)).toBe(false);
      const never = addDuration(second, parseDuration('1us'));
      await world.queues.delete(name, never);
      expect(await world.queues.wasDeleted(name, never)).toBe(false);
    });

    // a queue that was never there was not deleted
    test('tell nothing of a queue that never was', async (world) => {
      const name = world.name();
      expect(await world.queues.wasDeleted(name, world.clock.now())).toBe(false);
      await world.queues.forgetDeletion(name, world.clock.now());
      await world.queues.delete(name, world.clock.now());
      expect(await world.queues.wasDeleted(name, world.clock.now())).toBe(false);
    });

    // the note is no queue: the name is free, and its next owner has a note of its own
    test('leave the name free', async (world) => {
      const name = world.name();
      const { createdAt: first } = await world.queues.create(newQueue(name));
      await world.queues.delete(name);
      await world.clock.advance('1us');
      const { createdAt: second } = await world.queues.create(newQueue(name));
      await world.queues.delete(name);
      expect(await world.queues.wasDeleted(name, first)).toBe(true);
      expect(await world.queues.wasDeleted(name, second)).toBe(true);
    });

    // "A shared storage keeps the note for `DELETION_NOTE_MS` more"
    test.ifCapable('shared', 'stay for a day after they may go', async (world) => {
      const name = world.name();
      const { createdAt } = await world.queues.create(newQueue(name));
      await world.queues.delete(name);
      await world.queues.forgetDeletion(name, createdAt);
      const other = (await world.open()).queueStore();
      await world.clock.advance('23h59m');
      await other.forgetDeletion(world.name(), createdAt);
      expect(await other.wasDeleted(name, createdAt)).toBe(true);
      await world.clock.advance('2m');
      await other.forgetDeletion(world.name(), createdAt);
      expect(await world.queues.wasDeleted(name, createdAt)).toBe(false);
    });

    // what nobody said is done is kept, however long it takes
    test.ifCapable('durable', 'outlive the process, and stay until they may go', async (world) => {
      const name = world.name();
      const { createdAt } = await world.queues.create(newQueue(name));
      await world.queues.delete(name);
      await world.clock.advance('1000h');
      await world.queues.forgetDeletion(world.name(), createdAt);
      await world.backend.close();
      expect(await (await world.open()).queueStore().wasDeleted(name, createdAt)).toBe(true);
    });
  });

  describe('what an earlier queue of the name left', () => {
    const EARLIER = 'earlier';

    async function left(world: World) {
      const key = { queue: world.name(), partition: 0 };
      const createdAt = world.clock.now();
      const owner = { createdAt, isThere: async () => true, wasDeleted: async () => false };
      const storeOf = async (of: PartitionOwner) =>
        world.script((await world.open()).partitionStore(key, of));
      await (await storeOf(owner)).produce(EARLIER);
      await world.clock.advance('1s');
      const later = { ...owner, createdAt: world.clock.now() };
      return { earlier: () => storeOf(owner), later: () => storeOf(later) };
    }

    // "it stays, and the calls fail … until an operator has decided"; a driver that cannot tell owners apart shows it
    test.ifCapable('shared', 'is not removed for a queue that is not known to be deleted', async (world) => {
      const { earlier, later } = await left(world);
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
    });

    // `drop`: "Items of another queue, which the `owner` … tells apart, stay."
    test.ifCapable(
      'shared',
      'is not dropped with the later one by a driver that tells them apart',
      async (world) => {
        const { earlier, later } = await left(world);
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
