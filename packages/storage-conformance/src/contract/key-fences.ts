import { formatItemId, parseDuration, type StorageError } from '@querator/core';
import { describe, expect } from 'vitest';
import { importedItem } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { keyedStore, under, WINDOW } from '../fixture/keyed-produce.ts';
import { CLAIM, fateOf, MovingPartition } from '../fixture/moving-partition.ts';
import {
  EXPIRE_TIMEOUT,
  LEASE_TIMEOUT,
  type PartitionScript,
  valuesOf,
} from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** A partition whose dedup keys get fences. */
class FencedPartition extends MovingPartition {
  /** Produces an item under a key that was sent here by this change. */
  async produce(
    key: string,
    keySpread: number | undefined,
    { source } = this as { source: PartitionScript },
  ) {
    const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store', keySpread } as const;
    const outcomes = await keyedStore(source).produceKeyed(
      [{ groups: [under(key, key)], window: WINDOW }],
      options,
    );
    return valuesOf(outcomes)[0]?.groups[0]?.state;
  }

  async find(...keys: readonly string[]) {
    const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'find' } as const;
    const groups = keys.map((key) => under(key, key));
    const outcomes = await keyedStore(this.source).produceKeyed([{ groups, window: WINDOW }], options);
    return valuesOf(outcomes)[0]?.groups.map(({ state }) => state);
  }

  fence(keySpread: number, end = this.from) {
    if (end.fenceKeys === undefined)
      throw new Error('the driver claims `resize` and `dedup`, and its moveStore has no fenceKeys');
    return end.fenceKeys(keySpread);
  }
}

const fenced = (fixture: Fixture) => new FencedPartition(fixture);

/** What `MoveStore.fenceKeys` and `KeyedProduceOptions.keySpread` promise. */
export function describeKeyFences(test: StorageTest): void {
  describe('a fence on dedup keys', () => {
    // "keyed produces whose `keySpread` is lower fail with a `StorageError` `closed`"
    test.ifCapable(['resize', 'dedup'], 'refuses keys of before, new and held', async (fixture) => {
      const partition = fenced(fixture);
      expect(await partition.produce('a', undefined)).toBe('stored');
      expect(await partition.fence(1)).toEqual({ lastEndsAt: partition.source.in('5m') });
      expect(await fateOf(partition.produce('b', undefined))).toBe('closed');
      expect(await fateOf(partition.produce('a', 0))).toBe('closed');
      expect(await partition.produce('a', 1)).toBe('duplicate');
      expect(await partition.produce('b', 1)).toBe('stored');
      expect(await partition.produce('c', 2)).toBe('stored');
      await partition.fence(3);
      expect(await fateOf(partition.produce('d', 2))).toBe('closed');
      expect(await partition.produce('c', 3)).toBe('duplicate');
      expect(await partition.source.queuedTexts()).toEqual(['a', 'b', 'c']);
    });

    // "`find` and imports work"
    test.ifCapable(['resize', 'dedup'], 'lets keys be found, and items be imported', async (fixture) => {
      const partition = fenced(fixture);
      await partition.produce('a', undefined);
      await partition.fence(1);
      expect(await partition.find('x', 'a')).toEqual(['refused', 'duplicate']);
      const groups = [{ key: 'import', items: [importedItem('import')] }];
      const request = { groups, window: WINDOW, expireTimeout: EXPIRE_TIMEOUT };
      await keyedStore(partition.source).importKeyed(request);
      expect(await keyedStore(partition.source).importKeyed(request)).toEqual([[undefined]]);
      expect(await partition.produce('import', 1)).toBe('duplicate');
      expect(await partition.source.queuedTexts()).toEqual(['a', 'import']);
      await fixture.clock.advance('6m');
      expect(await partition.find('a')).toEqual(['refused']);
    });

    // `storeKeys`: "`keySpread` as that of a keyed produce"
    test.ifCapable(
      ['resize', 'dedup'],
      'refuses keys that are brought by a process of before',
      async (fixture) => {
        const partition = fenced(fixture);
        const store = keyedStore(partition.source);
        await partition.fence(2);
        const ids = [formatItemId(7n, 'abcdefghij')];
        const keys = [{ key: 'a', ids, endsAt: partition.source.in('1h') }];
        expect(await fateOf(store.storeKeys(keys))).toBe('closed');
        expect(await fateOf(store.storeKeys(keys, { keySpread: 1 }))).toBe('closed');
        expect(await partition.find('a')).toEqual(['refused']);
        expect(await store.storeKeys(keys, { keySpread: 2 })).toBe(1);
        expect(await partition.find('a')).toEqual(['duplicate']);
        expect(await store.readKeys({ after: undefined, limit: 5 })).toEqual({ keys, next: undefined });
      },
    );

    // "in all processes and of every version"
    test.ifCapable(['resize', 'dedup'], 'concerns produces for waiting consumers', async (fixture) => {
      const partition = fenced(fixture);
      await partition.fence(1);
      const { store } = partition.source;
      if (store.produceKeyedAndLease === undefined) return;
      const batch = { limit: 1, leaseTimeout: LEASE_TIMEOUT };
      const requests = [{ groups: [under('a', 'a')], window: WINDOW }];
      const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' } as const;
      expect(await fateOf(store.produceKeyedAndLease(requests, options, batch))).toBe('closed');
      const { leased } = await store.produceKeyedAndLease(requests, { ...options, keySpread: 1 }, batch);
      expect(leased).toHaveLength(1);
      expect(await partition.find('a')).toEqual(['duplicate']);
    });

    // "StorageError `stale` if there is a higher one"; "Undefined: it holds none"
    test.ifCapable(['resize', 'dedup'], 'is never lowered, and may be repeated', async (fixture) => {
      const partition = fenced(fixture);
      expect(await partition.fence(2)).toEqual({ lastEndsAt: undefined });
      expect(await partition.fence(2)).toEqual({ lastEndsAt: undefined });
      await expect(partition.fence(1)).rejects.toMatchObject({ stale: true } satisfies Partial<StorageError>);
      expect(await fateOf(partition.produce('a', 1))).toBe('closed');
    });

    // "When the window of the last of its dedup keys ends, by the storage's clock."
    test.ifCapable(['resize', 'dedup'], 'tells when the last key ends', async (fixture) => {
      const partition = fenced(fixture);
      const store = keyedStore(partition.source);
      const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' } as const;
      for (const [key, window] of [
        ['a', '1m'],
        ['b', '3h'],
        ['c', '2h'],
      ] as const) {
        await store.produceKeyed([{ groups: [under(key, key)], window: parseDuration(window) }], options);
      }
      expect(await partition.fence(1)).toEqual({ lastEndsAt: partition.source.in('3h') });
    });

    // "a partition that is to leave its queue takes it. One that has left fails"
    test.ifCapable(
      ['resize', 'dedup'],
      'lets keys be found until the partition has left',
      async (fixture) => {
        const partition = fenced(fixture);
        await partition.produce('a', undefined);
        await partition.from.beginLeaving?.(CLAIM);
        await partition.fence(1);
        expect(await partition.find('a', 'b')).toEqual(['duplicate', 'refused']);
        await partition.from.leave(CLAIM);
        expect(await fateOf(partition.find('a'))).toBe('closed');
        await partition.from.end(CLAIM);
        expect(await fateOf(partition.find('a'))).toBe('closed');
        // Before it is used again.
        await partition.fence(2);
        await partition.from.readmit?.();
        expect(await fateOf(partition.produce('a', 1))).toBe('closed');
        expect(await partition.produce('a', 2)).toBe('stored');
      },
    );

    // "a target gets its fence before it opens"
    test.ifCapable(
      ['resize', 'dedup', 'moves'],
      'goes along with a partition that moves',
      async (fixture) => {
        const partition = fenced(fixture);
        await partition.produce('a', undefined);
        await partition.fence(1);
        await partition.produce('b', 1);
        await partition.begin();
        await partition.copy();
        await partition.produce('c', 1);
        const closed = await partition.from.close(CLAIM);
        await partition.catchUp();
        await partition.to.write(CLAIM, { items: [], gone: [], keys: [], above: closed?.lastNumber });
        await partition.fence(1, partition.to);
        await partition.to.open(CLAIM);
        await partition.from.leave(CLAIM);
        expect(await fateOf(partition.find('a'))).toBe('closed');
        await partition.from.end(CLAIM);
        await partition.to.end(CLAIM);
        expect(await fateOf(partition.find('a'))).toBe('closed');
        const { target: source } = partition;
        expect(await fateOf(partition.produce('d', undefined, { source }))).toBe('closed');
        for (const key of ['a', 'b', 'c'])
          expect(await partition.produce(key, 1, { source })).toBe('duplicate');
      },
    );
  });
}
