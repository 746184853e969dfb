import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../content.ts';
import type { PartitionScript } from '../partition-script.ts';
import type { StorageTest } from '../storage-test.ts';

/** The next sweep may be announced up to this much after its time, never before. */
const ROUNDING_MS = 1;

/** Asserts that a sweep now announces the next one for so long after now. */
async function expectNextDue(script: PartitionScript, expectedMs: number): Promise<void> {
  const { nextDueMs } = await script.sweep();
  expect(nextDueMs).toBeGreaterThanOrEqual(expectedMs);
  expect(nextDueMs).toBeLessThanOrEqual(expectedMs + ROUNDING_MS);
}

/** What `PartitionStore.sweep` promises as a whole: when to come again, and all kinds together. */
export function describeSweepDue(test: StorageTest): void {
  describe('sweep: when to come again', () => {
    // "absent when nothing is pending"
    test('says that nothing is pending', async (fixture) => {
      const script = fixture.script();
      const nothing = { enqueued: 0, requeued: 0, deleted: 0, dead: [], moved: [], nextDueMs: undefined };
      expect(await script.sweep()).toEqual(nothing);
      await script.produce('a');
      await script.complete(await script.leaseOne());
      expect(await script.sweep()).toEqual(nothing);
    });

    // "Milliseconds until the next sweep has something to do", for each thing there is to do
    test('names the expiry of a waiting item', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('90s'));
      await script.produceItems([newItem('b')], parseDuration('1h'));
      await expectNextDue(script, 90_000);
      await fixture.clock.advance('30s');
      await expectNextDue(script, 60_000);
    });

    // the same for a scheduled item, which does not expire before it is enqueued
    test('names the time of a scheduled item, and not its expiry', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a', script.in('2h'))], parseDuration('1h'));
      await expectNextDue(script, 7_200_000);
    });

    // the same for a leased item, which does not expire before the lease ends
    test('names the end of a lease, and not the expiry under it', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1m'));
      await script.lease(1, parseDuration('2m'));
      await expectNextDue(script, 120_000);
    });

    // the same for a reported item, which is reported again after `claimTimeout`
    test('names the end of a claim', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('a');
      const { nextDueMs } = await script.sweep({ claimTimeout: parseDuration('45s') });
      expect(nextDueMs).toBeGreaterThanOrEqual(45_000);
      expect(nextDueMs).toBeLessThanOrEqual(45_000 + ROUNDING_MS);
    });

    // [G12] the earliest of all, and after it the next
    test('goes from one deadline to the next until nothing is pending', async (fixture) => {
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

    // coming at the announced time is never in vain
    test('has something to do at the time it names', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1.234567s'));
      const { nextDueMs } = await script.sweep();
      await fixture.clock.advance(parseDuration(`${Math.ceil((nextDueMs ?? 0) * 1_000) + 1}us`));
      expect((await script.sweep()).dead).toHaveLength(1);
    });

    // far deadlines are no overflow
    test('copes with deadlines centuries ahead', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('2000000h'));
      await expectNextDue(script, 2_000_000 * 3_600_000);
    });

    // "0 when the limit cut this one short"
    test('asks to come at once where the limit cut it short', async (fixture) => {
      const script = fixture.script();
      await script.produceItems(
        numbered('item', 3).map((text) => newItem(text)),
        parseDuration('1m'),
      );
      await fixture.clock.advance('2m');
      expect((await script.sweep({ limit: 2 })).nextDueMs).toBe(0);
    });
  });

  describe('sweep: everything at once', () => {
    // all kinds of work in one call, each in its own way
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

    // a sweep that finds nothing due changes nothing
    test('changes nothing where nothing is due', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a'), newItem('b'), newItem('c', script.in('1h'))]);
      await script.lease(1, parseDuration('1h'));
      const before = [await script.queued(), await script.scheduled()];
      expect(await script.sweep()).toMatchObject({ enqueued: 0, requeued: 0, deleted: 0, dead: [] });
      expect([await script.queued(), await script.scheduled()]).toEqual(before);
    });
  });
}
