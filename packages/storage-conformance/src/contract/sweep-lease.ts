import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { numbered, textsOf } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.sweep` promises about ended leases. */
export function describeSweepLease(test: StorageTest): void {
  describe('sweep of leases', () => {
    // "An item is due when now is later than its deadline": not at the deadline
    test('ends a lease after its deadline, not at it', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne(parseDuration('1m'));
      await fixture.clock.advance('1m');
      expect((await script.sweep()).requeued).toBe(0);
      expect((await script.queued())[0]).toMatchObject({ id, isLeased: true });
      await fixture.clock.advance('1us');
      expect((await script.sweep()).requeued).toBe(1);
      expect((await script.queued())[0]?.isLeased).toBe(false);
    });

    // "waiting at the tail under a new id", otherwise unchanged
    test('puts the item at the tail under a new id and keeps its other fields', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', attempts: 2, maxAttempts: 5 });
      const [before] = await script.queued();
      await fixture.clock.advance('1s');
      const id = await script.leaseOne();
      await script.produce('meanwhile');
      await fixture.clock.advance('2m');
      await script.sweep();
      const [, after] = await script.queued();
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a']);
      expect((after?.id ?? '') > id).toBe(true);
      expect(after).toMatchObject({
        sourceId: 'source',
        isLeased: false,
        attempts: 3,
        maxAttempts: 5,
        createdAt: before?.createdAt,
        expireDeadline: before?.expireDeadline,
      });
      expect(after?.leaseDeadline).toBeUndefined();
      expect(await script.import('again', { sourceId: 'source' })).toBeUndefined();
      expect((await script.lease())[1]?.attempts).toBe(4);
    });

    // "in the order of (leaseDeadline, id)"
    test('returns items in the order of their lease deadlines, ties in queue order', async (fixture) => {
      const script = fixture.script();
      await script.produce('longest', 'tie1', 'tie2', 'shortest');
      await script.lease(1, parseDuration('3m'));
      const [tie1] = await script.lease(2, parseDuration('2m'));
      await script.lease(1, parseDuration('1m'));
      await script.store.release([tie1?.id ?? '']);
      await script.lease(1, parseDuration('2m'));
      await fixture.clock.advance('4m');
      expect((await script.sweep()).requeued).toBe(4);
      expect(await script.queuedTexts()).toEqual(['shortest', 'tie1', 'tie2', 'longest']);
    });

    // each lease has its own deadline
    test('leaves valid leases', async (fixture) => {
      const script = fixture.script();
      await script.produce('long', 'short', 'waiting');
      await script.lease(1, parseDuration('10m'));
      await script.lease(1, parseDuration('1m'));
      await fixture.clock.advance('2m');
      expect((await script.sweep()).requeued).toBe(1);
      const states = (await script.queued()).map((item) => [textsOf([item])[0], item.isLeased]);
      expect(states).toEqual([
        ['long', true],
        ['waiting', false],
        ['short', false],
      ]);
    });

    // "The most scheduled, overdue and expired items to process, each counted separately"
    test('respects the limit, and the next call continues', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 10));
      await script.lease();
      await fixture.clock.advance('2m');
      expect(await script.sweep({ limit: 4 })).toMatchObject({ requeued: 4, nextDueMs: 0 });
      expect(await script.store.stats()).toMatchObject({ waiting: 4, leased: 6 });
      expect(await script.sweep({ limit: 4 })).toMatchObject({ requeued: 4, nextDueMs: 0 });
      expect((await script.sweep({ limit: 4 })).requeued).toBe(2);
      expect((await script.queuedTexts()).sort()).toEqual(numbered('item', 10).sort());
    });

    // thousands of items
    test('requeues 3,000 leases in one sweep', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 3_000));
      await script.lease();
      await fixture.clock.advance('2m');
      expect((await script.sweep({ limit: 5_000 })).requeued).toBe(3_000);
      expect(await script.store.stats()).toMatchObject({ waiting: 3_000, leased: 0 });
    });

    // "with attempts left": exactly N leases; the dead item has the id of its last lease
    test('counts attempts exactly: with at most 2 there is no third lease', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      await script.lease();
      await fixture.clock.advance('2m');
      expect(await script.sweep({ maxAttempts: 2 })).toMatchObject({ requeued: 1, dead: [] });
      const [second] = await script.lease();
      expect(second?.attempts).toBe(2);
      await fixture.clock.advance('2m');
      const { requeued, dead } = await script.sweep({ maxAttempts: 2 });
      expect(requeued).toBe(0);
      expect(dead).toHaveLength(1);
      expect(dead[0]).toMatchObject({ id: second?.id, attempts: 2 });
      expect(await script.lease()).toEqual([]);
    });

    // "without attempts left … deleted"
    test('deletes an item without attempts left if dead items are deleted', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source' });
      await script.lease();
      await fixture.clock.advance('2m');
      const rules = { maxAttempts: 1, dead: 'delete' } as const;
      expect(await script.sweep(rules)).toMatchObject({ requeued: 0, deleted: 1, dead: [] });
      expect(await script.queued()).toEqual([]);
      expect(await script.import('again', { sourceId: 'source' })).toBeDefined();
    });

    // a sweep leaves a valid last lease alone
    test('leaves an item on its last permitted lease until the lease ends', async (fixture) => {
      const script = fixture.script();
      await script.produce('first', 'second');
      await script.lease(1, parseDuration('1m'));
      const second = await script.leaseOne(parseDuration('2m'));
      await fixture.clock.advance('90s');
      const { dead } = await script.sweep({ maxAttempts: 1 });
      expect(textsOf(dead)).toEqual(['first']);
      await script.complete(second);
    });

    // the limit of the call applies: the queue's settings may change at any time
    test('uses the limit of the call, not an earlier one nor the item’s own', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { attempts: 4, maxAttempts: 1 });
      await script.lease();
      await fixture.clock.advance('2m');
      expect(await script.sweep({ maxAttempts: 6 })).toMatchObject({ requeued: 1, dead: [] });
      await script.lease();
      await fixture.clock.advance('2m');
      expect((await script.sweep({ maxAttempts: 3 })).dead).toHaveLength(1);
    });

    // a waiting item never dies of its attempts
    test('leaves waiting items, however often they were leased', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { attempts: 9 });
      expect(await script.sweep({ maxAttempts: 2 })).toMatchObject({ requeued: 0, deleted: 0, dead: [] });
      expect(await script.lease()).toHaveLength(1);
    });
  });
}
