import { parseDuration, toMilliseconds } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import { marked, sorted } from '../fixture/mark-result.ts';
import { verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const UNKNOWN_ID = '0'.repeat(27);

/** What `PartitionStore.markMoved` promises, and what a marked item is. */
export function describeMoved(test: StorageTest): void {
  describe('markMoved', () => {
    // "Which items are marked as moved. Each item appears once"
    test('marks moving items, claimed or not, and can be repeated', async (fixture) => {
      const script = fixture.script();
      const claimed = await script.addMoving('claimed');
      await script.sweep();
      const unclaimed = await script.addMoving('unclaimed');
      await script.addMoving('not named');
      expect(await script.store.markMoved([unclaimed, unclaimed])).toEqual(marked([unclaimed]));
      const both = [claimed, unclaimed].sort();
      expect(await script.store.markMoved([unclaimed, claimed])).toEqual(marked([claimed], [unclaimed]));
      expect(sorted(await script.store.markMoved(both))).toEqual(marked([], both));
      await fixture.clock.advance('2h');
      const { dead, moved } = await script.sweep();
      expect([textsOf(dead), [...moved].sort()]).toEqual([['not named'], both]);
    });

    // "Ids that are not moving are ignored"
    test('skips items in all other states, and changes nothing of them', async (fixture) => {
      const script = fixture.script();
      const removed = await script.addMoving('removed');
      await script.store.remove([removed]);
      await script.produce('leased', 'waiting');
      const leased = await script.leaseOne();
      await script.prepare('prepared');
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const before = [await script.queued(), await script.scheduled(), await script.prepared()];
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.markMoved([...ids, removed, UNKNOWN_ID, 'bad', ''])).toEqual(marked([]));
      expect(await script.store.markMoved([])).toEqual(marked([]));
      expect([await script.queued(), await script.scheduled(), await script.prepared()]).toEqual(before);
      await script.complete(leased);
    });

    // a late caller learns which items are gone; the others are marked
    test('marks the existing items of a call that also names missing ones', async (fixture) => {
      const script = fixture.script();
      const gone = await script.addMoving('gone');
      const there = await script.addMoving('there');
      await script.store.remove([gone]);
      expect(await script.store.markMoved([gone, there])).toEqual(marked([there]));
    });

    // a call may name thousands of ids
    test('marks 3,000 items at once', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 3_000));
      const ids = (await script.lease()).map((item) => item.id);
      await script.retry(...ids.map((id) => ({ id, dead: true })));
      expect(sorted(await script.store.markMoved(ids))).toEqual(marked(ids));
    });
  });

  describe('sweep of items marked as moved', () => {
    // "reported in dead, or in moved if marked as moved"; "Sweeps never report them in dead again"
    test('reports each in moved once per claim, and never in dead', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('a');
      for (const round of ['first', 'second', 'third'] as const) {
        const result = await script.sweep();
        expect(result, `${round} report`).toMatchObject({ dead: [], moved: [id], deleted: 0, requeued: 0 });
        await fixture.clock.advance('29s');
        expect(await script.sweep()).toMatchObject({ dead: [], moved: [] });
        await fixture.clock.advance('2s');
      }
    });

    // "Claims stay": the caller that marks the item continues its move
    test('leaves an item to the process that has marked it until the claim has ended', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoving('a');
      await script.sweep({ claimTimeout: parseDuration('10m') });
      await fixture.clock.advance('5m');
      await script.store.markMoved([id]);
      await fixture.clock.advance('5m');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [] });
      await fixture.clock.advance('1us');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [id] });
    });

    // "How long reported items are claimed by the caller"; `nextDueMs` is the end of the claim
    test('uses the claim timeout of the call, and reports when the claim ends', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('a');
      const { nextDueMs } = await script.sweep({ claimTimeout: parseDuration('10m') });
      expect(nextDueMs).toBeGreaterThanOrEqual(600_000);
      expect(nextDueMs).toBeLessThanOrEqual(600_001);
      await fixture.clock.advance('10m');
      expect((await script.sweep()).moved).toEqual([]);
      await fixture.clock.advance('1us');
      expect((await script.sweep()).moved).toEqual([id]);
    });

    // "or deleted, if request.dead says so": the queue no longer has a dead-letter queue
    test('deletes items if dead items are now deleted, once the claim has ended', async (fixture) => {
      const script = fixture.script();
      await script.addMoved('claimed');
      await script.sweep();
      await script.addMoved('unclaimed');
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 1, dead: [], moved: [] });
      expect(await script.queuedTexts()).toEqual(['claimed']);
      await fixture.clock.advance('31s');
      const result = await script.sweep({ dead: 'delete' });
      expect(result).toMatchObject({ deleted: 1, dead: [], moved: [], nextDueMs: undefined });
      expect(await script.queued()).toEqual([]);
    });

    // "The most scheduled, overdue and expired items to process", in `dead` and `moved` together
    test('applies one limit to dead and moved together', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 7));
      const ids = (await script.lease()).map((item) => item.id);
      await script.retry(...ids.map((id) => ({ id, dead: true })));
      const toMark = [ids[1], ids[2], ids[5]] as string[];
      await script.store.markMoved(toMark);
      const sizes: number[] = [];
      const dead: string[] = [];
      const moved: string[] = [];
      const due: (number | undefined)[] = [];
      for (const limit of [3, 3, 3]) {
        const result = await script.sweep({ limit });
        sizes.push(result.dead.length + result.moved.length);
        dead.push(...result.dead.map((item) => item.id));
        moved.push(...result.moved);
        due.push(result.nextDueMs);
      }
      expect(sizes).toEqual([3, 3, 1]);
      expect(due.slice(0, 2)).toEqual([0, 0]);
      expect(moved.sort()).toEqual(toMark);
      expect(dead.sort()).toEqual(ids.filter((id) => !toMark.includes(id)));
    });

    // "its deadlines have no meaning": only the claim counts
    test('does not report an item that expires meanwhile as dead again', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('10s'));
      const id = await script.leaseOne(parseDuration('5s'));
      await script.retry({ id, dead: true });
      await script.store.markMoved([id]);
      await script.sweep();
      await fixture.clock.advance('20s');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [], moved: [] });
      await fixture.clock.advance('11s');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [], moved: [id] });
    });

    // a reported item stays stored
    test('reports it until it is removed', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('a');
      await script.sweep();
      expect(await script.queuedTexts()).toEqual(['a']);
      await script.store.remove([id]);
      expect(await script.queued()).toEqual([]);
      expect(await script.store.markMoved([id])).toEqual(marked([]));
      await fixture.clock.advance('2h');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [], nextDueMs: undefined });
    });
  });

  describe('an item marked as moved', () => {
    // a marked item is still moving: "It cannot be leased, completed or retried"
    test('is not leased, and cannot be completed, retried or released', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('moved');
      for (const moment of ['before', 'after', 'long after'] as const) {
        if (moment === 'after') await script.sweep();
        if (moment === 'long after') await fixture.clock.advance('48h');
        expect(await script.lease()).toEqual([]);
        const gone = [`invalid storage id; '${id}' does not exist`];
        expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual(gone);
        const retried = await script.store.retry([{ items: [{ id, dead: true }] }], {
          maxAttempts: 0,
          dead: 'move',
        });
        expect(verdictsOf(retried)).toEqual(gone);
        expect(await script.store.release([id])).toBe(0);
      }
      expect((await script.sweep()).moved).toEqual([id]);
    });

    // "listed and cleared like a leased item", and counted so; it has no lease for the average
    test('is listed, counted and cleared like a leased one', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('moved');
      await script.sweep();
      await script.produce('leased', 'waiting');
      await script.lease(1, parseDuration('3m'));
      expect((await script.queued()).map((item) => [textsOf([item])[0], item.isLeased])).toEqual([
        ['moved', true],
        ['leased', true],
        ['waiting', false],
      ]);
      expect((await script.queued())[0]?.id).toBe(id);
      await fixture.clock.advance('60s');
      const { averageAge, averageLeaseLeft, ...counts } = await script.store.stats();
      expect(counts).toMatchObject({ waiting: 1, leased: 2, scheduled: 0 });
      expect(Math.abs(toMilliseconds(averageAge) - 60_000)).toBeLessThanOrEqual(1);
      expect(Math.abs(toMilliseconds(averageLeaseLeft) - 120_000)).toBeLessThanOrEqual(1);
      expect(await script.store.clear({ waiting: true, leased: false, scheduled: true })).toBe(1);
      expect(await script.store.clear({ waiting: false, leased: true, scheduled: false })).toBe(2);
      await fixture.clock.advance('2h');
      expect((await script.sweep()).moved).toEqual([]);
    });

    // `delete`: "in any state"
    test('can be deleted', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoved('moved');
      expect(await script.store.delete([id])).toBe(1);
      expect(await script.sweep()).toMatchObject({ moved: [], nextDueMs: undefined });
    });

    // the item is still stored, so its source id is taken: a dead-letter queue may have dead letters too
    test('keeps its source id taken until it is removed', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source' });
      const id = await script.leaseOne();
      await script.retry({ id, dead: true });
      await script.store.markMoved([id]);
      await script.sweep();
      expect(await script.import('b', { sourceId: 'source' })).toBeUndefined();
      await script.store.remove([id]);
      expect(await script.import('c', { sourceId: 'source' })).toBeDefined();
    });
  });
}
