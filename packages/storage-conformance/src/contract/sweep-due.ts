import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** `nextDueMs` may be later than the deadline by this much, never earlier. */
const ROUNDING_MS = 1;

/** Asserts `nextDueMs` of a sweep now. */
async function expectNextDue(script: PartitionScript, expectedMs: number): Promise<void> {
  const { nextDueMs } = await script.sweep();
  expect(nextDueMs).toBeGreaterThanOrEqual(expectedMs);
  expect(nextDueMs).toBeLessThanOrEqual(expectedMs + ROUNDING_MS);
}

/** What `PartitionStore.sweep` promises about `nextDueMs`, and about all kinds of work together. */
export function describeSweepDue(test: StorageTest): void {
  describe('sweep: the next deadline', () => {
    // "Undefined if nothing is pending"
    test('is undefined if no item has one', async (fixture) => {
      const script = fixture.script();
      const nothing = { enqueued: 0, requeued: 0, deleted: 0, dead: [], moved: [], nextDueMs: undefined };
      expect(await script.sweep()).toEqual(nothing);
      await script.produce('a');
      await script.complete(await script.leaseOne());
      expect(await script.sweep()).toEqual(nothing);
    });

    // "Milliseconds until the next deadline", for each kind of deadline
    test('is the expire deadline of a waiting item', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('90s'));
      await script.produceItems([newItem('b')], parseDuration('1h'));
      await expectNextDue(script, 90_000);
      await fixture.clock.advance('30s');
      await expectNextDue(script, 60_000);
    });

    // a scheduled item does not expire before it is enqueued
    test('is the schedule of a scheduled item, not its expire deadline', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a', script.in('2h'))], parseDuration('1h'));
      await expectNextDue(script, 7_200_000);
    });

    // a leased item does not expire before its lease ends
    test('is the lease deadline, not the expire deadline under it', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1m'));
      await script.lease(1, parseDuration('2m'));
      await expectNextDue(script, 120_000);
    });

    // a reported item is reported again after `claimTimeout`
    test('is the end of a claim', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      const { nextDueMs } = await script.sweep({ claimTimeout: parseDuration('45s') });
      expect(nextDueMs).toBeGreaterThanOrEqual(45_000);
      expect(nextDueMs).toBeLessThanOrEqual(45_000 + ROUNDING_MS);
    });

    // the earliest deadline, and after it the next one
    test('leads from one deadline to the next until none is left', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('third', script.in('3m'))], parseDuration('10m'));
      await script.produceItems([newItem('first', script.in('1m')), newItem('second', script.in('2m'))]);
      const enqueued: string[] = [];
      for (let steps = 0; steps < 10; steps++) {
        const result = await script.sweep({ dead: 'delete' });
        const leased = await script.lease(10, parseDuration('24h'));
        await script.complete(...leased.map((item) => item.id));
        enqueued.push(...textsOf(leased));
        const next = result.enqueued > 0 ? (await script.sweep()).nextDueMs : result.nextDueMs;
        if (next === undefined) break;
        await fixture.clock.advance(parseDuration(`${Math.ceil(next * 1_000) + 1}us`));
      }
      expect(enqueued).toEqual(['first', 'second', 'third']);
    });

    // a sweep at the announced time always has work
    test('is a time at which the sweep has work', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1.234567s'));
      const { nextDueMs } = await script.sweep();
      await fixture.clock.advance(parseDuration(`${Math.ceil((nextDueMs ?? 0) * 1_000) + 1}us`));
      expect((await script.sweep()).dead).toHaveLength(1);
    });

    // distant deadlines do not overflow
    test('can be centuries ahead', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('2000000h'));
      await expectNextDue(script, 2_000_000 * 3_600_000);
    });

    // "0 if the limit … cut this sweep short"
    test('is now if the limit ended the call early', async (fixture) => {
      const script = fixture.script();
      await script.produceItems(
        numbered('item', 3).map((text) => newItem(text)),
        parseDuration('1m'),
      );
      await fixture.clock.advance('2m');
      expect((await script.sweep({ limit: 2 })).nextDueMs).toBe(0);
    });
  });

  describe('sweep: all kinds of work at once', () => {
    // all kinds of work in one call
    test('does each kind of work', async (fixture) => {
      const script = fixture.script();
      await script.produce('overdue', 'used up', 'valid');
      await script.lease(1);
      await script.store.release(
        (await script.queued()).filter((item) => item.isLeased).map((item) => item.id),
      );
      await script.import('used up too', { attempts: 4, isLeased: true, leaseDeadline: script.in('1m') });
      await script.lease(2, parseDuration('1m'));
      await script.lease(1, parseDuration('1h'));
      await script.produceItems([newItem('expired')], parseDuration('1m'));
      await script.produceItems([newItem('due', script.in('1m')), newItem('not due', script.in('1h'))]);
      await fixture.clock.advance('2m');
      const result = await script.sweep({ maxAttempts: 4 });
      expect(result).toMatchObject({ enqueued: 1, requeued: 2, deleted: 0 });
      expect(textsOf(result.dead).sort()).toEqual(['expired', 'used up too']);
      expect((await script.queuedTexts()).slice(-3).sort()).toEqual(['due', 'overdue', 'used up']);
      expect(await script.store.stats()).toMatchObject({ waiting: 3, leased: 3, scheduled: 1 });
      expect((await script.lease()).map((item) => item.attempts).sort()).toEqual([1, 2, 2]);
    });

    // a sweep without due items changes nothing
    test('changes nothing if nothing is due', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a'), newItem('b'), newItem('c', script.in('1h'))]);
      await script.lease(1, parseDuration('1h'));
      const before = [await script.queued(), await script.scheduled()];
      expect(await script.sweep()).toMatchObject({ enqueued: 0, requeued: 0, deleted: 0, dead: [] });
      expect([await script.queued(), await script.scheduled()]).toEqual(before);
    });
  });
}
