import type { Instant, PartitionKey, PartitionOwner } from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const REFUSED = { name: 'StorageError', outcome: 'not-applied' };

/** A queue that exists, and no record of a deleted one. */
function owner(createdAt: Instant, overrides: Partial<PartitionOwner> = {}): PartitionOwner {
  return { createdAt, isThere: async () => true, wasDeleted: async () => false, ...overrides };
}

/** What `StorageBackend.partitionStore` promises about the queue that a partition belongs to. */
export function describeOwner(test: StorageTest): void {
  /** Opens the partition for a queue in a new process, which remembers nothing. */
  const openFor = async (
    fixture: Fixture,
    key: PartitionKey,
    queue?: PartitionOwner,
  ): Promise<PartitionScript> => fixture.script((await fixture.open()).partitionStore(key, queue));
  const keyOf = (fixture: Fixture): PartitionKey => ({ queue: fixture.name(), partition: 0 });

  describe('the queue of a partition', () => {
    test.ifCapable('shared', 'has the same items in every process', async (fixture) => {
      const key = keyOf(fixture);
      const createdAt = fixture.clock.now();
      await (await openFor(fixture, key, owner(createdAt))).produce('a', 'b');
      const other = await openFor(fixture, key, owner(createdAt));
      expect(await other.queuedTexts()).toEqual(['a', 'b']);
      await other.produce('c');
      expect(await other.queuedTexts()).toEqual(['a', 'b', 'c']);
    });

    // "It removes the earlier partition if that is empty"
    test.ifCapable(
      'shared',
      'takes over an empty partition of an earlier queue of its name',
      async (fixture) => {
        const key = keyOf(fixture);
        const earlier = await openFor(fixture, key, owner(fixture.clock.now()));
        await earlier.produce('old');
        await earlier.complete(await earlier.leaseOne());
        await fixture.clock.advance('1s');
        const present = await openFor(fixture, key, owner(fixture.clock.now()));
        await present.produce('new');
        expect(await present.queuedTexts()).toEqual(['new']);
      },
    );

    // "or if the earlier queue `wasDeleted`"
    test.ifCapable('shared', 'never sees items of an earlier queue that was deleted', async (fixture) => {
      const key = keyOf(fixture);
      const createdAt = fixture.clock.now();
      await (await openFor(fixture, key, owner(createdAt))).produce('old');
      await fixture.clock.advance('1s');
      const asked: Instant[] = [];
      const wasDeleted = async (of: Instant) => {
        asked.push(of);
        return of === createdAt;
      };
      const present = await openFor(fixture, key, owner(fixture.clock.now(), { wasDeleted }));
      expect(await present.queuedTexts()).toEqual([]);
      await present.produce('new');
      expect(await present.queuedTexts()).toEqual(['new']);
      expect(asked).toContain(createdAt);
    });

    // "Otherwise the items stay, and calls fail with the outcome `not-applied` until an operator decides"
    test.ifCapable('shared', 'is refused while items of an earlier queue are there', async (fixture) => {
      const key = keyOf(fixture);
      const earlier = owner(fixture.clock.now());
      await (await openFor(fixture, key, earlier)).produce('old');
      await fixture.clock.advance('1s');
      const present = await openFor(fixture, key, owner(fixture.clock.now()));
      await expect(present.produce('new')).rejects.toMatchObject(REFUSED);
      await expect(present.lease()).rejects.toMatchObject(REFUSED);
      await expect(present.store.probe()).rejects.toMatchObject(REFUSED);
      // Repeating changes nothing.
      await expect(present.produce('new')).rejects.toMatchObject(REFUSED);
      expect(await (await openFor(fixture, key)).queuedTexts()).toEqual(['old']);
    });

    // "Calls for a queue that no longer exists fail too"
    test.ifCapable('shared', 'that no longer exists gets no items', async (fixture) => {
      const key = keyOf(fixture);
      const gone = owner(fixture.clock.now(), { isThere: async () => false });
      await expect((await openFor(fixture, key, gone)).produce('a')).rejects.toMatchObject(REFUSED);
      await fixture.clock.advance('1s');
      // What the failed call left behind is no obstacle for the next queue of the name.
      const next = await openFor(fixture, key, owner(fixture.clock.now(), { wasDeleted: async () => true }));
      await next.produce('b');
      expect(await next.queuedTexts()).toEqual(['b']);
    });

    // a check that failed decides nothing
    test.ifCapable('shared', 'is asked for again after a failed answer', async (fixture) => {
      const key = keyOf(fixture);
      await (await openFor(fixture, key, owner(fixture.clock.now()))).produce('old');
      await fixture.clock.advance('1s');
      let fails = true;
      const wasDeleted = async () => {
        if (fails) throw new Error('the queues cannot be read');
        return true;
      };
      const present = await openFor(fixture, key, owner(fixture.clock.now(), { wasDeleted }));
      await expect(present.produce('new')).rejects.toThrow();
      expect(await (await openFor(fixture, key)).queuedTexts()).toEqual(['old']);
      fails = false;
      await present.produce('new');
      expect(await present.queuedTexts()).toEqual(['new']);
    });

    // "Undefined: the store serves any existing items"
    test.ifCapable('shared', 'may be left open', async (fixture) => {
      const key = keyOf(fixture);
      await (await openFor(fixture, key, owner(fixture.clock.now()))).produce('a');
      const any = await openFor(fixture, key);
      await any.produce('b');
      expect(await any.queuedTexts()).toEqual(['a', 'b']);
    });
  });
}
