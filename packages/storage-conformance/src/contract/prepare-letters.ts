import { type ImportedItem, noSuchItem, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, deadLetter, numbered, textsOf } from '../content.ts';
import { EXPIRE_TIMEOUT, HOLD_TIMEOUT } from '../partition-script.ts';
import type { StorageTest } from '../storage-test.ts';
import { unheldItems } from './unprepared-items.ts';

const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, holdTimeout: HOLD_TIMEOUT };

/** What `PartitionStore.holdLetters` promises, and what a held letter is. */
export function describeHoldLetters(test: StorageTest): void {
  describe('holdLetters', () => {
    // "with 0 attempts, until now plus holdTimeout"; otherwise "as import does": at the tail, `createdAt` now
    test('stores letters at the tail, fresh and held back', async (world) => {
      const script = world.script();
      await script.produce('before');
      await world.clock.advance('10s');
      await script.store.holdLetters([deadLetter('a', 'source a'), deadLetter('b', 'source b')], {
        expireTimeout: parseDuration('3h0m0.000001s'),
        holdTimeout: parseDuration('7m0.000001s'),
      });
      const letters = await script.held();
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
      for (const { id } of letters) expect(id > ((await script.queued())[0]?.id ?? '')).toBe(true);
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
      const [letter] = await to.held();
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
      const held = await script.held();
      const before = await all();
      await world.clock.advance('1m');
      await script.store.holdLetters(
        [...sourceIds, 'held'].map((sourceId) => deadLetter(`again ${sourceId}`, sourceId)),
        TIMEOUTS,
      );
      expect([await all(), await script.held()]).toEqual([before, held]);
      await script.hold('waiting', 'new', 'held');
      expect(await script.heldTexts()).toEqual(['held', 'new']);
      expect(await all()).toEqual(before);
    });

    // the same holds within one call: the first has it
    test('leaves out later letters of the same call with the same source id', async (world) => {
      const script = world.script();
      const letters = ['a', 'b', 'a', 'b', 'a'].map((source, n) => deadLetter(`${source}${n}`, source));
      await script.store.holdLetters(letters, TIMEOUTS);
      expect(await script.heldTexts()).toEqual(['a0', 'b1']);
    });

    // "unique in a partition", and in no more than that
    test('takes the same source id in another partition', async (world) => {
      const [here, there] = [world.script(), world.script()];
      await here.hold('a');
      await there.hold('a');
      expect(await there.heldTexts()).toEqual(['a']);
    });

    // "their source ids are free again" when the letter was completed: only the mark on the original protects from then on
    test('takes a source id again after complete and delete', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.store.deliverLetters(['a']);
      await script.complete(await script.leaseOne());
      await script.hold('a');
      const ids = (await script.held()).map((item) => item.id);
      expect(ids).toHaveLength(1);
      await script.store.delete(ids);
      await script.hold('a');
      expect(await script.heldTexts()).toEqual(['a']);
    });

    // "as import does": in request order, many at a time; an empty call is nothing to do
    test('holds and delivers 3,000 letters in order, and none', async (world) => {
      const script = world.script();
      await script.hold();
      expect(await script.held()).toEqual([]);
      const texts = numbered('letter', 3_000);
      await script.hold(...texts);
      expect(await script.heldTexts()).toEqual(texts);
      expect(await script.store.deliverLetters([...texts].reverse())).toBe(3_000);
      expect(textsOf(await script.lease())).toEqual(texts);
    });
  });

  describe('a held letter', () => {
    // "Only a `list` of held letters shows them, and `stats` does not count them"
    test('is neither listed nor counted with the others', async (world) => {
      const script = world.script();
      const { all } = await unheldItems(script);
      const [items, counts] = [await all(), await script.store.stats()];
      await script.hold('a', 'b');
      await world.clock.advance('1s');
      expect(await all()).toEqual(items);
      const { averageAge, headAge, averageLeaseLeft, ...numbers } = counts;
      expect(await script.store.stats()).toMatchObject(numbers);
      const second = parseDuration('1s');
      expect(await script.store.stats()).toMatchObject({
        averageAge: averageAge + second,
        headAge: headAge + second,
        averageLeaseLeft: averageLeaseLeft - second,
      });
    });

    // "they are offered to nobody, and `complete` and `retry` treat their ids as unknown ones"
    test('cannot be completed, given back or released by whoever has its id', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.produce('b');
      const held = await script.held();
      const [id, other] = [held[0]?.id ?? '', await script.leaseOne()];
      const unknown = { ok: false, error: noSuchItem(id) };
      expect(await script.store.complete([{ ids: [other, id] }])).toEqual([unknown]);
      const items = [{ id, dead: false }];
      const rules = { maxAttempts: 0, dead: 'condemn' } as const;
      expect(await script.store.retry([{ items }], rules)).toEqual([unknown]);
      expect(await script.store.release([id])).toBe(0);
      expect(await script.held()).toEqual(held);
      await script.complete(other);
    });

    // "Only that an item is leased counts": one letter among many requests spoils only its own
    test('does not stand in the way of other requests of a batch', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.produce('b');
      const [id, other] = [(await script.held())[0]?.id ?? '', await script.leaseOne()];
      const outcomes = await script.store.complete([{ ids: [id] }, { ids: [other] }]);
      expect(outcomes.map(({ ok }) => ok)).toEqual([false, true]);
      expect(await script.heldTexts()).toEqual(['a']);
    });

    // "An import makes no held letter, whatever the items say"
    test('is not what an import of its very shape makes', async (world) => {
      const script = world.script();
      const [letter, sourceId] = [deadLetter('a'), 'a'];
      await script.hold('b');
      const [held] = await script.held();
      const copy = { ...held, ...letter, sourceId } as ImportedItem;
      const [stored] = await script.store.import([copy], EXPIRE_TIMEOUT);
      expect(stored).toMatchObject({ sourceId, isLeased: true, attempts: 0, maxAttempts: 0 });
      expect(await script.queuedTexts()).toEqual(['a']);
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      expect(await script.store.withdrawLetters(['a'])).toBe(0);
      await script.complete(stored?.id ?? '');
      expect(await script.heldTexts()).toEqual(['b']);
    });

    // "How long they are held back at most": then it is an overdue lease like any other, and 0 attempts are none too many
    test('becomes available when its hold has run out, and not before', async (world) => {
      const script = world.script();
      await script.hold('a');
      const [held] = await script.held();
      await script.produce('meanwhile');
      await world.clock.advance('10m');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [] });
      await world.clock.advance('1us');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 1, dead: [], moved: [] });
      const [, letter] = await script.queued();
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a']);
      expect((letter?.id ?? '') > (held?.id ?? '')).toBe(true);
      expect(await script.held()).toEqual([]);
      expect(letter).toMatchObject({
        isLeased: false,
        attempts: 0,
        maxAttempts: 0,
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
