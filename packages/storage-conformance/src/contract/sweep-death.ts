import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, newItem, numbered, textsOf } from '../fixture/content.ts';
import { CLAIM_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const HOUR = parseDuration('1h');

/** What `PartitionStore.sweep` promises about expired and moving items. */
export function describeSweepDeath(test: StorageTest): void {
  describe('sweep of expired items', () => {
    // "An item is due when now is later than its deadline": not at the deadline
    test('makes a waiting item moving after its deadline, not at it', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], HOUR);
      const [stored] = await script.queued();
      await fixture.clock.advance('1h');
      expect((await script.sweep()).dead).toEqual([]);
      await fixture.clock.advance('1us');
      const { dead } = await script.sweep();
      expect(dead).toHaveLength(1);
      expect(dead[0]).toMatchObject({ id: stored?.id, attempts: 0, createdAt: stored?.createdAt });
      expect(dead.map(contentOf)).toEqual([content('a')]);
      expect(await script.lease()).toEqual([]);
    });

    // "dead, that is moving or deleted"
    test('deletes it if dead items are deleted', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', expireDeadline: script.in('1h') });
      await script.produce('stays');
      await fixture.clock.advance('2h');
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 1, dead: [] });
      expect(await script.queuedTexts()).toEqual(['stays']);
      expect(await script.import('again', { sourceId: 'source' })).toBeDefined();
    });

    // "past expireDeadline and not under a valid lease"
    test('waits for the end of a valid lease', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a'), newItem('b')], HOUR);
      await fixture.clock.advance('59m');
      const [a, b] = (await script.lease(2, parseDuration('10m'))).map((item) => item.id) as [string, string];
      await fixture.clock.advance('5m');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      await script.complete(a);
      await fixture.clock.advance('6m');
      const first = await script.sweep();
      // The sweep may requeue the item first. The next one finds it dead before any lease.
      const dead = first.dead.length > 0 ? first.dead : (await script.sweep()).dead;
      expect(textsOf(dead)).toEqual(['b']);
      expect((await script.store.complete([{ ids: [b] }]))[0]?.ok).toBe(false);
      expect(await script.lease()).toEqual([]);
    });

    // "The most scheduled, overdue and expired items to process, each counted separately"
    test('respects the limit, and the next call continues', async (fixture) => {
      const script = fixture.script();
      await script.produceItems(
        numbered('item', 10).map((text) => newItem(text)),
        HOUR,
      );
      await fixture.clock.advance('2h');
      const first = await script.sweep({ limit: 4 });
      expect(first.dead).toHaveLength(4);
      expect(first.nextDueMs).toBe(0);
      expect(await script.sweep({ limit: 4, dead: 'delete' })).toMatchObject({ deleted: 4, nextDueMs: 0 });
      const rest = await script.sweep({ limit: 4 });
      expect(rest.dead).toHaveLength(2);
      const reported = textsOf([...first.dead, ...rest.dead]);
      expect(new Set(reported).size).toBe(6);
    });
  });

  describe('sweep of moving items', () => {
    // "How long reported items are claimed by the caller. Other sweeps do not report them meanwhile"
    test('reports each once per claim, and again when the claim has ended', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
      await fixture.clock.advance('1s');
      expect((await script.sweep()).dead).toEqual([]);
      await fixture.clock.advance('28s');
      expect((await script.sweep()).dead).toEqual([]);
      await fixture.clock.advance('2s');
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
      expect((await script.sweep()).dead).toEqual([]);
    });

    // the same for items that a sweep made moving
    test('reports again items that an earlier sweep made moving', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('expired')], HOUR);
      await script.produce('used up');
      await script.lease(1);
      await script.store.release(
        (await script.queued()).filter((item) => item.isLeased).map((item) => item.id),
      );
      await fixture.clock.advance('2h');
      const [first] = (await script.sweep()).dead;
      await fixture.clock.advance(CLAIM_TIMEOUT);
      await fixture.clock.advance('1s');
      const [second] = (await script.sweep()).dead;
      expect(first?.id).toBe(second?.id);
      expect(textsOf(second === undefined ? [] : [second])).toEqual(['expired']);
    });

    // the call decides how long the claim lasts
    test('uses the claim timeout of the call', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      await script.sweep({ claimTimeout: parseDuration('10m') });
      await fixture.clock.advance('9m59s');
      expect((await script.sweep()).dead).toEqual([]);
      await fixture.clock.advance('2s');
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });

    // "or deleted, if request.dead says so": the queue may have lost its dead-letter queue meanwhile
    test('deletes moving items if dead items are now deleted', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 1, dead: [] });
      expect(await script.store.stats()).toMatchObject({ leased: 0 });
    });

    // a claim also excludes sweeps that would delete: the caller is moving the item
    test('does not delete an item that is claimed', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      await script.sweep();
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 0 });
      await fixture.clock.advance('31s');
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 1 });
    });

    // "They stay stored"
    test('keeps the reported items until they are removed', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      const [reported] = (await script.sweep()).dead;
      expect(await script.store.stats()).toMatchObject({ leased: 1 });
      await script.store.remove([reported?.id ?? '']);
      expect(await script.store.stats()).toMatchObject({ leased: 0 });
      await fixture.clock.advance('2h');
      expect(await script.sweep()).toMatchObject({ dead: [], nextDueMs: undefined });
    });

    // "The most scheduled, overdue and expired items to process"
    test('reports moving items in portions', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 5));
      const items = (await script.lease()).map(({ id }) => ({ id, dead: true }));
      await script.retry(...items);
      const sizes: number[] = [];
      const texts: string[] = [];
      for (const limit of [2, 2, 2]) {
        const { dead } = await script.sweep({ limit });
        sizes.push(dead.length);
        texts.push(...textsOf(dead));
      }
      expect(sizes).toEqual([2, 2, 1]);
      expect(texts.sort()).toEqual(numbered('item', 5));
    });

    // a moving item does not expire
    test('reports a moving item that expires meanwhile only once per claim', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('10s'));
      await script.retry({ id: await script.leaseOne(parseDuration('5s')), dead: true });
      await script.sweep();
      await fixture.clock.advance('20s');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      await fixture.clock.advance('11s');
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });
  });
}
