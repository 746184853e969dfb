import { describe, expect } from 'vitest';
import { newItem, numbered } from '../fixture/content.ts';
import { verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { describeBadIds } from './bad-ids.ts';

/** What `PartitionStore.complete` promises. */
export function describeComplete(test: StorageTest): void {
  describe('complete', () => {
    // "Removes leased items"
    test('removes the items, and no others', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd');
      const [a, , c] = (await script.lease(3)).map((item) => item.id) as [string, string, string];
      expect(verdictsOf(await script.store.complete([{ ids: [c, a] }]))).toEqual(['ok']);
      expect(await script.queuedTexts()).toEqual(['b', 'd']);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 1 });
    });

    // several requests in one call, each with its outcome
    test('serves all requests of a batch', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd');
      const [a, b, c] = (await script.lease()).map((item) => item.id) as [string, string, string];
      const outcomes = await script.store.complete([{ ids: [b] }, { ids: [c, a] }]);
      expect(verdictsOf(outcomes)).toEqual(['ok', 'ok']);
      expect(await script.queuedTexts()).toEqual(['d']);
    });

    // "Only the leased state counts, even if the lease deadline has passed"
    test('completes an item whose lease has ended and that no sweep has found yet', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await fixture.clock.advance('2h');
      await script.complete(id);
      expect(await script.queued()).toEqual([]);
    });

    // after a sweep the item has a new id, so the late consumer's id is invalid
    test('refuses the id of a lease that a sweep has ended', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await fixture.clock.advance('2m');
      await script.sweep();
      await script.lease();
      expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual([
        `invalid storage id; '${id}' does not exist`,
      ]);
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // "frees their source ids"
    test('frees the source ids', async (fixture) => {
      const script = fixture.script();
      await script.import('first', { sourceId: 'source' });
      expect(await script.import('while it is there', { sourceId: 'source' })).toBeUndefined();
      await script.complete(await script.leaseOne());
      expect(await script.import('second', { sourceId: 'source' })).toBeDefined();
      expect(await script.queuedTexts()).toEqual(['second']);
    });

    // an empty call succeeds
    test('accepts empty batches and empty requests', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const ids = [await script.leaseOne()];
      expect(await script.store.complete([])).toEqual([]);
      expect(verdictsOf(await script.store.complete([{ ids: [] }, { ids }, { ids: [] }]))).toEqual([
        'ok',
        'ok',
        'ok',
      ]);
      expect(await script.queued()).toEqual([]);
    });

    // batches much larger than one request
    test('completes 5,000 items in one call', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 5_000));
      const ids = (await script.lease(5_000)).map((item) => item.id);
      const requests = numbered('', 50).map((_, n) => ({ ids: ids.slice(n * 100, (n + 1) * 100) }));
      const outcomes = await script.store.complete([...requests, { ids: [ids[0] as string] }]);
      expect(outcomes.map((outcome) => outcome.ok)).toEqual([...requests.map(() => true), false]);
      expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 0 });
    });

    // an item that is scheduled by a retry: its id no longer proves a lease
    test('refuses an item that was retried for later', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')]);
      const id = await script.leaseOne();
      await script.retry({ id, retryAt: script.in('1h') });
      expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual([
        `invalid storage id; '${id}' does not exist`,
      ]);
      expect(await script.scheduledTexts()).toEqual(['a']);
    });

    describeBadIds(test, 'completed', (store, requests) => store.complete(requests));
  });
}
