import {
  type CountedPartition,
  instantFromMicroseconds,
  type PartitionCounts,
  type StorageBackend,
  toMilliseconds,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `StorageBackend.countSmall` promises, and `stats` with `mayEstimate`. */
export function describeSmallCounts(test: StorageTest): void {
  /** Partitions of a new queue, with a script for each. */
  const partitions = (fixture: Fixture, count: number) => {
    const queue = fixture.name();
    const createdAt = fixture.clock.now();
    const owner = { createdAt, isThere: async () => true, wasDeleted: async () => false };
    return Array.from({ length: count }, (_, partition) => {
      const key: CountedPartition = { queue, partition, createdAt };
      return { key, script: fixture.script(fixture.backend.partitionStore({ queue, partition }, owner)) };
    });
  };
  const keysOf = (all: readonly { readonly key: CountedPartition }[]) => all.map(({ key }) => key);

  describe('countSmall', () => {
    // each state is counted separately; `headAge` as in `stats`
    test.ifCapable('counts', 'counts items by their state', async (fixture) => {
      const [one] = partitions(fixture, 1);
      if (one === undefined) return;
      const { key, script } = one;
      await script.produce('a', 'b', 'c');
      await script.produceItems([newItem('s', script.in('1h'))]);
      await script.prepare('letter');
      await fixture.clock.advance('10s');
      await script.produce('d');
      await script.lease(1);
      const expected = { waiting: 3, leased: 1, scheduled: 1 };
      const [count] = await counted(fixture.backend, [key]);
      expect(count).toMatchObject(expected);
      expect(count === undefined ? undefined : toMilliseconds(count.headAge)).toBe(10_000);
      expect(await script.store.stats({ createNothing: true, mayEstimate: true })).toMatchObject({
        ...expected,
        headAge: count?.headAge,
      });
      await script.lease(3);
      expect(await counted(fixture.backend, [key])).toMatchObject([
        { waiting: 0, leased: 4, scheduled: 1, headAge: 0n },
      ]);
    });

    // "one result per partition, in order"; "a partition that was never used is empty"
    test.ifCapable('counts', 'counts many partitions, and those that were never used', async (fixture) => {
      const all = partitions(fixture, 150);
      for (const n of [3, 20, 149]) await all[n]?.script.produce(...numbered('i', n));
      expect((await counted(fixture.backend, keysOf(all))).map((count) => count?.waiting)).toEqual(
        all.map((_, n) => ([3, 20, 149].includes(n) ? n : 0)),
      );
      expect(await counted(fixture.backend, [])).toEqual([]);
    });

    // "owner is in doubt"
    test.ifCapable('counts', 'shows no items of an earlier queue of the name', async (fixture) => {
      const [one] = partitions(fixture, 1);
      if (one === undefined || !fixture.backend.capabilities.durable) return;
      await one.script.produce('a');
      const later = instantFromMicroseconds(one.key.createdAt + 1_000_000n);
      expect(await counted(fixture.backend, [{ ...one.key, createdAt: later }])).toEqual([undefined]);
    });

    // `StorageBackend.close`: "Later calls fail" with a rejected StorageError
    test.ifCapable('counts', 'fails after the backend was closed', async (fixture) => {
      const keys = keysOf(partitions(fixture, 1));
      await fixture.backend.close();
      await expect((async () => counted(fixture.backend, keys))()).rejects.toMatchObject({
        ...{ name: 'StorageError', outcome: 'not-applied' },
      });
    });
  });
}

async function counted(
  backend: StorageBackend,
  keys: readonly CountedPartition[],
): Promise<readonly (PartitionCounts | undefined)[]> {
  if (backend.countSmall === undefined) throw new Error('the driver claims counts and has no countSmall');
  return backend.countSmall(keys);
}
