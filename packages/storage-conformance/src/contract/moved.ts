import { parseDuration, toMilliseconds } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../content.ts';
import { marked, sorted } from '../mark-result.ts';
import { verdictsOf } from '../partition-script.ts';
import type { StorageTest } from '../storage-test.ts';

const UNKNOWN_ID = '0'.repeat(27);

/** What `PartitionStore.markMoved` promises, and what an item is that was marked. */
export function describeMoved(test: StorageTest): void {
  describe('markMoved', () => {
    // "Which items are marked as moved; each once", and by whom
    test('marks condemned items, claimed or not, and may do so again', async (world) => {
      const script = world.script();
      const claimed = await script.condemn('claimed');
      await script.sweep();
      const unclaimed = await script.condemn('unclaimed');
      await script.condemn('not named');
      expect(await script.store.markMoved([unclaimed, unclaimed])).toEqual(marked([unclaimed]));
      const both = [claimed, unclaimed].sort();
      expect(await script.store.markMoved([unclaimed, claimed])).toEqual(marked([claimed], [unclaimed]));
      expect(sorted(await script.store.markMoved(both))).toEqual(marked([], both));
      await world.clock.advance('2h');
      const { dead, moved } = await script.sweep();
      expect([textsOf(dead), [...moved].sort()]).toEqual([['not named'], both]);
    });

    // "Ids that are not condemned are passed over"
    test('passes over everything else, and changes nothing of it', async (world) => {
      const script = world.script();
      const removed = await script.condemn('removed');
      await script.store.remove([removed]);
      await script.produce('leased', 'waiting');
      const leased = await script.leaseOne();
      await script.hold('held');
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const before = [await script.queued(), await script.scheduled(), await script.held()];
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.markMoved([...ids, removed, UNKNOWN_ID, 'bad', ''])).toEqual(marked([]));
      expect(await script.store.markMoved([])).toEqual(marked([]));
      expect([await script.queued(), await script.scheduled(), await script.held()]).toEqual(before);
      await script.complete(leased);
    });

    // whoever comes too late must learn it: the good ones are marked all the same
    test('marks what is there of a call that also names what is gone', async (world) => {
      const script = world.script();
      const gone = await script.condemn('gone');
      const there = await script.condemn('there');
      await script.store.remove([gone]);
      expect(await script.store.markMoved([gone, there])).toEqual(marked([there]));
    });

    // calls "may name thousands of ids"
    test('marks 3,000 items at once', async (world) => {
      const script = world.script();
      await script.produce(...numbered('item', 3_000));
      const ids = (await script.lease()).map((item) => item.id);
      await script.retry(...ids.map((id) => ({ id, dead: true })));
      expect(sorted(await script.store.markMoved(ids))).toEqual(marked(ids));
    });
  });

  describe('sweep of items marked as moved', () => {
    // "reported in dead or, when marked as moved, in moved"; "They are never reported in dead again"
    test('reports each in moved once per claim, and never in dead', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('a');
      for (const round of ['first', 'second', 'third'] as const) {
        const result = await script.sweep();
        expect(result, `${round} report`).toMatchObject({ dead: [], moved: [id], deleted: 0, requeued: 0 });
        await world.clock.advance('29s');
        expect(await script.sweep()).toMatchObject({ dead: [], moved: [] });
        await world.clock.advance('2s');
      }
    });

    // "A claim on them goes on": whoever marks the item is the one who goes on with it
    test('leaves an item to whoever has marked it until the claim has run out', async (world) => {
      const script = world.script();
      const id = await script.condemn('a');
      await script.sweep({ claimTimeout: parseDuration('10m') });
      await world.clock.advance('5m');
      await script.store.markMoved([id]);
      await world.clock.advance('5m');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [] });
      await world.clock.advance('1us');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [id] });
    });

    // "How long items reported as dead or moved stay the caller's"; `nextDueMs` is the end of it
    test('goes by the claim timeout of the call, and says when it ends', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('a');
      const { nextDueMs } = await script.sweep({ claimTimeout: parseDuration('10m') });
      expect(nextDueMs).toBeGreaterThanOrEqual(600_000);
      expect(nextDueMs).toBeLessThanOrEqual(600_001);
      await world.clock.advance('10m');
      expect((await script.sweep()).moved).toEqual([]);
      await world.clock.advance('1us');
      expect((await script.sweep()).moved).toEqual([id]);
    });

    // "or deleted, as dead says": the queue has no dead-letter queue any more
    test('deletes them where dead items are deleted by now, once the claim has run out', async (world) => {
      const script = world.script();
      await script.condemnAndMark('claimed');
      await script.sweep();
      await script.condemnAndMark('unclaimed');
      expect(await script.sweep({ dead: 'delete' })).toMatchObject({ deleted: 1, dead: [], moved: [] });
      expect(await script.queuedTexts()).toEqual(['claimed']);
      await world.clock.advance('31s');
      const result = await script.sweep({ dead: 'delete' });
      expect(result).toMatchObject({ deleted: 1, dead: [], moved: [], nextDueMs: undefined });
      expect(await script.queued()).toEqual([]);
    });

    // "At most so many expired items are worked on", whichever way they are reported
    test('keeps to one limit for those in dead and those in moved', async (world) => {
      const script = world.script();
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

    // its own deadlines "mean nothing": only the claim does
    test('does not take an item that expires meanwhile for dead once more', async (world) => {
      const script = world.script();
      await script.produceItems([newItem('a')], parseDuration('10s'));
      const id = await script.leaseOne(parseDuration('5s'));
      await script.retry({ id, dead: true });
      await script.store.markMoved([id]);
      await script.sweep();
      await world.clock.advance('20s');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [], moved: [] });
      await world.clock.advance('11s');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [], moved: [id] });
    });

    // a report is no removal
    test('reports it until it is removed', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('a');
      await script.sweep();
      expect(await script.queuedTexts()).toEqual(['a']);
      await script.store.remove([id]);
      expect(await script.queued()).toEqual([]);
      expect(await script.store.markMoved([id])).toEqual(marked([]));
      await world.clock.advance('2h');
      expect(await script.sweep()).toMatchObject({ dead: [], moved: [], nextDueMs: undefined });
    });
  });

  describe('an item marked as moved', () => {
    // "One that was marked as moved is still condemned", which is "offered to nobody …"
    test('is offered to nobody and cannot be completed, retried or released', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('moved');
      for (const moment of ['before', 'after', 'long after'] as const) {
        if (moment === 'after') await script.sweep();
        if (moment === 'long after') await world.clock.advance('48h');
        expect(await script.lease()).toEqual([]);
        const gone = [`invalid storage id; '${id}' does not exist`];
        expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual(gone);
        const retried = await script.store.retry([{ items: [{ id, dead: true }] }], {
          maxAttempts: 0,
          dead: 'condemn',
        });
        expect(verdictsOf(retried)).toEqual(gone);
        expect(await script.store.release([id])).toBe(0);
      }
      expect((await script.sweep()).moved).toEqual([id]);
    });

    // "listed and cleared as a leased one", and counted so; it has no lease whose end could be averaged
    test('is listed, counted and cleared as a leased one', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('moved');
      await script.sweep();
      await script.produce('leased', 'waiting');
      await script.lease(1, parseDuration('3m'));
      expect((await script.queued()).map((item) => [textsOf([item])[0], item.isLeased])).toEqual([
        ['moved', true],
        ['leased', true],
        ['waiting', false],
      ]);
      expect((await script.queued())[0]?.id).toBe(id);
      await world.clock.advance('60s');
      const { averageAge, averageLeaseLeft, ...counts } = await script.store.stats();
      expect(counts).toMatchObject({ waiting: 1, leased: 2, scheduled: 0 });
      expect(Math.abs(toMilliseconds(averageAge) - 60_000)).toBeLessThanOrEqual(1);
      expect(Math.abs(toMilliseconds(averageLeaseLeft) - 120_000)).toBeLessThanOrEqual(1);
      expect(await script.store.clear({ waiting: true, leased: false, scheduled: true })).toBe(1);
      expect(await script.store.clear({ waiting: false, leased: true, scheduled: false })).toBe(2);
      await world.clock.advance('2h');
      expect((await script.sweep()).moved).toEqual([]);
    });

    // `delete`: "in whatever state"
    test('can be deleted', async (world) => {
      const script = world.script();
      const id = await script.condemnAndMark('moved');
      expect(await script.store.delete([id])).toBe(1);
      expect(await script.sweep()).toMatchObject({ moved: [], nextDueMs: undefined });
    });

    // it is still stored, so its own source id is still taken: dead-letter queues have dead letters too
    test('holds its source id until it is removed', async (world) => {
      const script = world.script();
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
