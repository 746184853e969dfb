import { describe, expect } from 'vitest';
import { deadLetter, textsOf } from '../content.ts';
import { marked } from '../mark-result.ts';
import { EXPIRE_TIMEOUT, HOLD_TIMEOUT } from '../partition-script.ts';
import type { StorageTest } from '../storage-test.ts';
import { unheldItems } from './unprepared-items.ts';

const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, holdTimeout: HOLD_TIMEOUT };

/** What `PartitionStore.deliverLetters` and `withdrawLetters` promise, and all steps of a move together. */
export function describeDeliverLetters(test: StorageTest): void {
  describe('deliverLetters', () => {
    // "at the tail under new ids, in the order they had, still with 0 attempts", whatever the order of the call
    test('makes held letters available at the tail, in the order they had', async (world) => {
      const script = world.script();
      await script.hold('a', 'b', 'c', 'not named');
      const held = await script.held();
      await script.produce('meanwhile');
      const greatest = (await script.queued()).at(-1)?.id ?? '';
      await world.clock.advance('1m');
      expect(await script.store.deliverLetters(['c', 'a', 'b'])).toBe(3);
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a', 'b', 'c']);
      const delivered = (await script.queued()).slice(1);
      delivered.forEach((letter, n) => {
        expect(letter.id > greatest).toBe(true);
        expect(letter).toMatchObject({
          isLeased: false,
          attempts: 0,
          maxAttempts: 0,
          sourceId: held[n]?.sourceId,
          createdAt: held[n]?.createdAt,
          expireDeadline: held[n]?.expireDeadline,
        });
        expect(letter.leaseDeadline).toBeUndefined();
      });
      expect(await script.held()).toEqual([held[3]]);
      expect(await script.store.stats()).toMatchObject({ waiting: 4, leased: 0, scheduled: 0 });
      expect((await script.lease()).map((item) => item.attempts)).toEqual([1, 1, 1, 1]);
    });

    // "source ids of others, or of none, are passed over"
    test('passes over items in every other state, and ids that are not there', async (world) => {
      const script = world.script();
      const { sourceIds, all } = await unheldItems(script);
      await script.hold('held');
      const before = await all();
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.deliverLetters([...sourceIds, 'nobody', '', ...ids])).toBe(0);
      expect(await script.store.deliverLetters([])).toBe(0);
      expect(await all()).toEqual(before);
      expect(await script.store.deliverLetters([...sourceIds, 'held'])).toBe(1);
      expect((await script.queuedTexts()).at(-1)).toBe('held');
    });

    // repeated, as after a crash, it changes nothing, wherever the letter is by then
    test('delivers a letter once, also where the id is named twice', async (world) => {
      const script = world.script();
      await script.hold('a');
      expect(await script.store.deliverLetters(['a', 'a'])).toBe(1);
      const delivered = await script.queued();
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      expect(await script.queued()).toEqual(delivered);
      const id = await script.leaseOne();
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      await script.retry({ id });
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      const again = await script.leaseOne();
      await script.retry({ id: again, retryAt: script.in('1h') });
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      expect(await script.scheduledTexts()).toEqual(['a']);
      expect(await script.queued()).toEqual([]);
    });

    // a consumer who was given the letter has it, however long ago its lease ended
    test('does not take a letter from its consumer', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.store.deliverLetters(['a']);
      const id = await script.leaseOne();
      await world.clock.advance('2m');
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      await script.complete(id);
    });

    // that it is held counts, not whether the hold has run out
    test('delivers a letter whose hold has run out, until a sweep has found it', async (world) => {
      const script = world.script();
      await script.hold('a', 'b');
      await world.clock.advance('11m');
      expect(await script.store.deliverLetters(['a'])).toBe(1);
      expect((await script.sweep()).requeued).toBe(1);
      expect(await script.store.deliverLetters(['b'])).toBe(0);
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
    });

    // a lease that was undone leaves 0 attempts, and the item waits: it was delivered
    test('passes over a letter that waits again after a release', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.store.deliverLetters(['a']);
      const id = await script.leaseOne();
      await script.store.release([id]);
      expect(await script.store.deliverLetters(['a'])).toBe(0);
      expect((await script.queued())[0]).toMatchObject({ id, isLeased: false, attempts: 0 });
    });

    // the delivered letter still says where it comes from
    test('keeps the source id taken', async (world) => {
      const script = world.script();
      await script.hold('a');
      await script.store.deliverLetters(['a']);
      await script.hold('a');
      expect(await script.queued()).toHaveLength(1);
      expect(await script.store.deliverLetters(['a'])).toBe(0);
    });
  });

  describe('withdrawLetters', () => {
    // "Removes held letters, and no others"
    test('removes held letters, and frees their source ids', async (world) => {
      const script = world.script();
      await script.hold('a', 'b', 'c', 'd');
      await script.store.deliverLetters(['d']);
      expect(await script.store.withdrawLetters(['c', 'a', 'a', 'nobody', 'd'])).toBe(2);
      expect([await script.heldTexts(), await script.queuedTexts()]).toEqual([['b'], ['d']]);
      expect(await script.store.withdrawLetters(['a', 'c'])).toBe(0);
      expect(await script.store.withdrawLetters([])).toBe(0);
      await script.hold('a');
      expect(await script.heldTexts()).toEqual(['b', 'a']);
    });

    // the same: what was handed out, or lies in any other state, stays
    test('passes over items in every other state, and those without a source', async (world) => {
      const script = world.script();
      const { sourceIds, all } = await unheldItems(script);
      const before = await all();
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.withdrawLetters([...sourceIds, '', ...ids])).toBe(0);
      expect(await all()).toEqual(before);
    });

    // an overdue hold is a hold until a sweep has ended it
    test('removes a letter whose hold has run out, until a sweep has found it', async (world) => {
      const script = world.script();
      await script.hold('a', 'b');
      await world.clock.advance('11m');
      expect(await script.store.withdrawLetters(['a'])).toBe(1);
      await script.sweep();
      expect(await script.store.withdrawLetters(['b'])).toBe(0);
      expect(await script.queuedTexts()).toEqual(['b']);
    });
  });

  describe('a move to the dead-letter queue', () => {
    // all steps, each of them taken twice as after a crash, with the letter completed in between
    test('brings one letter, whichever step is repeated', async (world) => {
      const [from, to] = [world.script(), world.script()];
      const id = await from.condemn('a');
      const send = async () => {
        const { dead } = await from.sweep();
        expect(dead.map((item) => item.id)).toEqual([id]);
        await to.store.holdLetters(
          dead.map((item) => deadLetter(textsOf([item])[0] as string, item.id)),
          TIMEOUTS,
        );
        await world.clock.advance('31s');
      };
      await send();
      await send();
      expect(await from.store.markMoved([id])).toEqual(marked([id]));
      expect(await from.store.markMoved([id])).toEqual(marked([], [id]));
      expect(await to.store.deliverLetters([id])).toBe(1);
      await to.complete(await to.leaseOne());
      expect(await from.sweep()).toMatchObject({ dead: [], moved: [id] });
      expect(await to.store.deliverLetters([id])).toBe(0);
      await from.store.remove([id]);
      await from.store.remove([id]);
      await world.clock.advance('48h');
      for (const script of [from, to]) {
        expect(await script.sweep()).toMatchObject({ dead: [], moved: [], nextDueMs: undefined });
        expect(await script.queued()).toEqual([]);
      }
    });

    // who is too late finds the original gone, and takes back what it has stored
    test('leaves nothing behind of a mover that came too late', async (world) => {
      const [from, to] = [world.script(), world.script()];
      const id = await from.condemn('a');
      await from.store.remove([id]);
      await to.store.holdLetters([deadLetter('a', id)], TIMEOUTS);
      expect(await from.store.markMoved([id])).toEqual(marked([]));
      expect(await to.store.withdrawLetters([id])).toBe(1);
      expect(await to.queued()).toEqual([]);
    });
  });
}
