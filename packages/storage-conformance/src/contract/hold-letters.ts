import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, deadLetter, numbered, textsOf } from '../content.ts';
import { EXPIRE_TIMEOUT, HOLD_TIMEOUT } from '../partition-script.ts';
import type { StorageTest } from '../storage-test.ts';
import { unheldItems } from './unheld-items.ts';

const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, holdTimeout: HOLD_TIMEOUT };

/** What `PartitionStore.holdLetters` promises, and what a held letter is. */
export function describeHoldLetters(test: StorageTest): void {
  describe('holdLetters', () => {
    // "leased, with 0 attempts, until now plus holdTimeout"; otherwise "as import does": at the tail, `createdAt` now
    test('stores letters at the tail, fresh and held back', async (world) => {
      const script = world.script();
      await script.produce('before');
      await world.clock.advance('10s');
      await script.store.holdLetters([deadLetter('a', 'source a'), deadLetter('b', 'source b')], {
        expireTimeout: parseDuration('3h0m0.000001s'),
        holdTimeout: parseDuration('7m0.000001s'),
      });
      const [, ...letters] = await script.queued();
      expect(letters.map(contentOf)).toEqual([content('a'), content('b')]);
      for (const letter of letters) {
        expect(letter).toMatchObject({
          isLeased: true,
          attempts: 0,
          maxAttempts: 0,
          createdAt: world.clock.now(),
          expireDeadline: script.in('3h0m0.000001s'),
          leaseDeadline: script.in('7m0.000001s'),
        });
        expect(letter.enqueueAt).toBeUndefined();
      }
      expect(letters.map((letter) => letter.sourceId)).toEqual(['source a', 'source b']);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 2, scheduled: 0 });
    });

    // "holds them back"
    test('offers them to nobody', async (world) => {
      const script = world.script();
      await script.hold('a', 'b');
      await script.produce('c');
      expect(textsOf(await script.lease())).toEqual(['c']);
    });

    // a caller may hand over the dead item itself: nothing but content and source id is the letter's
    test('takes over nothing else of an item that is given as a letter', async (world) => {
      const [from, to] = [world.script(), world.script()];
      await from.import('a', {
        sourceId: 'older',
        attempts: 4,
        maxAttempts: 5,
        expireDeadline: from.in('1m'),
      });
      await world.clock.advance('2m');
      const { dead } = await from.sweep();
      await world.clock.advance('1m');
      await to.store.holdLetters(
        dead.map((item) => ({ ...item, enqueueAt: to.in('1h'), sourceId: item.id })),
        TIMEOUTS,
      );
      const [letter] = await to.queued();
      expect(letter).toMatchObject({
        sourceId: dead[0]?.id,
        isLeased: true,
        attempts: 0,
        maxAttempts: 0,
        createdAt: world.clock.now(),
        expireDeadline: to.in('24h'),
        leaseDeadline: to.in('10m'),
      });
      expect(letter?.id).not.toBe(dead[0]?.id);
      expect(await to.scheduled()).toEqual([]);
    });

    // "A letter whose source id the partition already holds, in whatever state, is left out"
    test('leaves out letters whose source id is there, in whatever state', async (world) => {
      const script = world.script();
      const { sourceIds, all } = await unheldItems(script);
      await script.hold('held');
      const before = await all();
      await world.clock.advance('1m');
      await script.store.holdLetters(
        [...sourceIds, 'held'].map((sourceId) => deadLetter(`again ${sourceId}`, sourceId)),
        TIMEOUTS,
      );
      expect(await all()).toEqual(before);
      await script.hold('waiting', 'new', 'held');
      expect((await script.queuedTexts()).at(-1)).toBe('new');
      expect(await script.queued()).toHaveLength((before[0]?.length ?? 0) + 1);
    });

    // the same holds within one call: the first has it
    test('leaves out later letters of the same call with the same source id', async (world) => {
      const script = world.script();
      const letters = ['a', 'b', 'a', 'b', 'a'].map((source, n) => deadLetter(`${source}${n}`, source));
      await script.store.holdLetters(letters, TIMEOUTS);
      expect(await script.queuedTexts()).toEqual(['a0', 'b1']);
    });

    // "unique in a partition", and in no more than that
    test('takes the same source id in another partition', async (world) => {
      const [here, there] = [world.script(), world.script()];
      await here.hold('a');
      await there.hold('a');
      expect(await there.queuedTexts()).toEqual(['a']);
    });

    // "their source ids are free again" when the letter was completed: only the mark on the original protects from then on
    test('takes a source id again after complete and delete', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.store.deliverLetters(['a']);
      await script.complete(await script.leaseOne());
      await script.hold('a');
      const ids = (await script.queued()).map((item) => item.id);
      expect(ids).toHaveLength(1);
      await script.store.delete(ids);
      await script.hold('a');
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // "as import does": in request order, many at a time; an empty call is nothing to do
    test('holds and delivers 3,000 letters in order, and none', async (world) => {
      const script = world.script();
      await script.hold();
      expect(await script.queued()).toEqual([]);
      const texts = numbered('letter', 3_000);
      await script.hold(...texts);
      expect(await script.queuedTexts()).toEqual(texts);
      expect(await script.store.deliverLetters([...texts].reverse())).toBe(3_000);
      expect(textsOf(await script.lease())).toEqual(texts);
    });
  });

  describe('a held letter', () => {
    // "How long they are held back at most": then it is an overdue lease like any other, and 0 attempts are none too many
    test('becomes available when its hold has run out, and not before', async (world) => {
      const script = world.script();
      await script.hold('a');
      const [held] = await script.queued();
      await script.produce('meanwhile');
      await world.clock.advance('10m');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [] });
      await world.clock.advance('1us');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 1, dead: [], moved: [] });
      const [, letter] = await script.queued();
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a']);
      expect((letter?.id ?? '') > (held?.id ?? '')).toBe(true);
      expect(letter).toMatchObject({
        isLeased: false,
        attempts: 0,
        sourceId: 'a',
        createdAt: held?.createdAt,
      });
      expect(letter?.expireDeadline).toBe(held?.expireDeadline);
      expect((await script.lease()).map((item) => item.attempts)).toEqual([1, 1]);
    });

    // the hold is a lease, and `nextDueMs` names its end
    test('is announced by sweeps for the end of its hold', async (world) => {
      const script = world.script();
      await script.hold('a');
      const { nextDueMs } = await script.sweep();
      expect(nextDueMs).toBeGreaterThanOrEqual(600_000);
      expect(nextDueMs).toBeLessThanOrEqual(600_001);
    });

    // "past expireDeadline and not under a valid lease": a hold is one
    test('expires after its hold, and not under it', async (world) => {
      const script = world.script();
      await script.store.holdLetters([deadLetter('a')], {
        expireTimeout: parseDuration('1m'),
        holdTimeout: parseDuration('10m'),
      });
      await world.clock.advance('5m');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      expect(await script.store.deliverLetters(['a'])).toBe(1);
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });

    // `ClearRequest.leased`, `delete`: it is a leased item
    test('is cleared as a leased item, and frees its source id', async (world) => {
      const script = world.script();
      await script.hold('a');
      expect(await script.store.clear({ waiting: true, leased: false, scheduled: true })).toBe(0);
      expect(await script.store.clear({ waiting: false, leased: true, scheduled: false })).toBe(1);
      expect(await script.import('b', { sourceId: 'a' })).toBeDefined();
    });
  });
}
