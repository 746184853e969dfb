import { addDuration, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { importedItem, newItem, numbered, textsOf } from '../fixture/content.ts';
import { EXPIRE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const MICROSECOND = parseDuration('1us');

/** What `PartitionStore.sweep` promises about scheduled items. */
export function describeSweepSchedule(test: StorageTest): void {
  describe('sweep of scheduled items', () => {
    // "An item is due when now is later than its deadline": not at the deadline
    test('makes an item available after its schedule, not at it', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a', script.in('1m'))]);
      await fixture.clock.advance('1m');
      expect((await script.sweep()).enqueued).toBe(0);
      expect(await script.queued()).toEqual([]);
      await fixture.clock.advance(MICROSECOND);
      expect((await script.sweep()).enqueued).toBe(1);
      expect(await script.queuedTexts()).toEqual(['a']);
      expect(await script.scheduled()).toEqual([]);
      expect(textsOf(await script.lease())).toEqual(['a']);
    });

    // "waiting at the tail under a new id": after items produced meanwhile
    test('puts it at the tail under a new id', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('scheduled', script.in('1m'))]);
      await script.produce('meanwhile');
      const [before] = await script.scheduled();
      await fixture.clock.advance('2m');
      await script.sweep();
      const [, after] = await script.queued();
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'scheduled']);
      expect(after?.id).not.toBe(before?.id);
      expect(after).toMatchObject({
        isLeased: false,
        attempts: 0,
        createdAt: before?.createdAt,
        expireDeadline: before?.expireDeadline,
      });
      expect(after?.enqueueAt).toBeUndefined();
    });

    // "in the order of (enqueueAt, id)"
    test('makes items available in the order of their schedules, ties in produce order', async (fixture) => {
      const script = fixture.script();
      const [early, late] = [script.in('1m'), script.in('2m')];
      await script.produceItems([
        newItem('late1', late),
        newItem('early1', early),
        newItem('late2', late),
        newItem('between', addDuration(early, MICROSECOND)),
        newItem('early2', early),
      ]);
      await fixture.clock.advance('3m');
      expect((await script.sweep()).enqueued).toBe(5);
      expect(await script.queuedTexts()).toEqual(['early1', 'early2', 'between', 'late1', 'late2']);
    });

    // the id of a scheduled item is invalid once it is enqueued
    test('gives a retried item a new id, and keeps its other fields', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', attempts: 2, maxAttempts: 6 });
      const id = await script.leaseOne();
      await script.retry({ id, retryAt: script.in('1m') });
      await fixture.clock.advance('2m');
      await script.sweep();
      const [item] = await script.queued();
      expect(item?.id).not.toBe(id);
      expect(item).toMatchObject({ sourceId: 'source', attempts: 3, maxAttempts: 6 });
      expect(await script.import('again', { sourceId: 'source' })).toBeUndefined();
      expect((await script.lease())[0]?.attempts).toBe(4);
    });

    // due items are enqueued, the others stay
    test('leaves items that are not due', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('b', script.in('2m')), newItem('a', script.in('1m'))]);
      await fixture.clock.advance('90s');
      expect(await script.sweep()).toMatchObject({ enqueued: 1, nextDueMs: expect.closeTo(30_000, -1) });
      expect(await script.scheduledTexts()).toEqual(['b']);
    });

    // "The most scheduled, overdue and expired items to process", in order over several sweeps
    test('respects the limit, and the next call continues', async (fixture) => {
      const script = fixture.script();
      const texts = numbered('item', 10);
      await script.produceItems(texts.map((text) => newItem(text, script.in('1m'))));
      await fixture.clock.advance('2m');
      const first = await script.sweep({ limit: 4 });
      expect(first).toMatchObject({ enqueued: 4, nextDueMs: 0 });
      expect(await script.queuedTexts()).toEqual(texts.slice(0, 4));
      expect(await script.sweep({ limit: 4 })).toMatchObject({ enqueued: 4, nextDueMs: 0 });
      expect((await script.sweep({ limit: 4 })).enqueued).toBe(2);
      expect(await script.queuedTexts()).toEqual(texts);
    });

    // the next sweep enqueues imported items that are due already
    test('makes imported items available that were due before', async (fixture) => {
      const script = fixture.script();
      await script.store.import(
        [
          importedItem('b', { enqueueAt: script.in('-1m') }),
          importedItem('a', { enqueueAt: script.in('-2m') }),
        ],
        EXPIRE_TIMEOUT,
      );
      expect((await script.sweep()).enqueued).toBe(2);
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
    });

    // "Its life begins at that time": an item may be scheduled beyond its expire timeout
    test('starts the expire timeout of a produced item at its schedule', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a', script.in('2h'))], parseDuration('1h'));
      await fixture.clock.advance(parseDuration('2h0m0.000001s'));
      expect(await script.sweep()).toMatchObject({ enqueued: 1, dead: [], nextDueMs: 3_600_000 });
      await fixture.clock.advance(parseDuration('59m59.999999s'));
      expect((await script.sweep()).dead).toEqual([]);
      await fixture.clock.advance(MICROSECOND);
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });

    // "Attempts, source id, createdAt and expireDeadline stay": a retry does not extend the life of an item
    test('keeps the expire deadline of a retried item', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1h'));
      const expireDeadline = script.in('1h');
      await script.retry({ id: await script.leaseOne(), retryAt: script.in('2h') });
      expect(await script.scheduled()).toMatchObject([{ expireDeadline }]);
    });

    // scheduled items do not expire; once enqueued they do
    test('expires an item only after it was made available, and then at once', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { enqueueAt: script.in('2h'), expireDeadline: script.in('1h') });
      await fixture.clock.advance('90m');
      expect(await script.sweep()).toMatchObject({ enqueued: 0, dead: [] });
      expect(await script.scheduledTexts()).toEqual(['a']);
      await fixture.clock.advance('31m');
      const first = await script.sweep();
      expect(first.enqueued).toBe(1);
      if (first.dead.length > 0) {
        expect(textsOf(first.dead)).toEqual(['a']);
      } else {
        expect(first.nextDueMs).toBeLessThanOrEqual(1);
        expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
      }
      expect(await script.lease()).toEqual([]);
    });
  });
}
