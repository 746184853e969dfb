import { describe, expect } from 'vitest';
import { deadLetter, textsOf } from '../fixture/content.ts';
import { marked } from '../fixture/mark-result.ts';
import { CLAIM, MovingPartition } from '../fixture/moving-partition.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { unpreparedItems } from './unprepared-items.ts';

const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };

/** What `PartitionStore.commitLetters` and `abortLetters` promise, and all steps of a dead-letter move together. */
export function describeCommitLetters(test: StorageTest): void {
  describe('commitLetters', () => {
    // "at the tail under new ids, in their old order, with 0 attempts", in any order of the call
    test('puts prepared letters at the tail, in their order', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a', 'b', 'c', 'not named');
      const prepared = await script.prepared();
      await script.produce('meanwhile');
      const greatest = (await script.queued()).at(-1)?.id ?? '';
      await fixture.clock.advance('1m');
      expect(await script.store.commitLetters(['c', 'a', 'b'])).toBe(3);
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a', 'b', 'c']);
      const committed = (await script.queued()).slice(1);
      committed.forEach((letter, n) => {
        expect(letter.id > greatest).toBe(true);
        expect(letter).toMatchObject({
          isLeased: false,
          attempts: 0,
          maxAttempts: 0,
          sourceId: prepared[n]?.sourceId,
          createdAt: prepared[n]?.createdAt,
          expireDeadline: prepared[n]?.expireDeadline,
        });
        expect(letter.leaseDeadline).toBeUndefined();
      });
      expect(await script.prepared()).toEqual([prepared[3]]);
      expect(await script.store.stats()).toMatchObject({ waiting: 4, leased: 0, scheduled: 0 });
      expect((await script.lease()).map((item) => item.attempts)).toEqual([1, 1, 1, 1]);
    });

    // "Source ids that name other items or none are ignored"
    test('skips items in every other state, and unknown ids', async (fixture) => {
      const script = fixture.script();
      const { sourceIds, all } = await unpreparedItems(script);
      await script.prepare('prepared');
      const before = await all();
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.commitLetters([...sourceIds, 'nobody', '', ...ids])).toBe(0);
      expect(await script.store.commitLetters([])).toBe(0);
      expect(await all()).toEqual(before);
      expect(await script.store.commitLetters([...sourceIds, 'prepared'])).toBe(1);
      expect((await script.queuedTexts()).at(-1)).toBe('prepared');
    });

    // a repetition, as after a crash, changes nothing, in any later state of the letter
    test('commits a letter once, even if its id is named twice', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      expect(await script.store.commitLetters(['a', 'a'])).toBe(1);
      const committed = await script.queued();
      expect(await script.store.commitLetters(['a'])).toBe(0);
      expect(await script.queued()).toEqual(committed);
      const id = await script.leaseOne();
      expect(await script.store.commitLetters(['a'])).toBe(0);
      await script.retry({ id });
      expect(await script.store.commitLetters(['a'])).toBe(0);
      const again = await script.leaseOne();
      await script.retry({ id: again, retryAt: script.in('1h') });
      expect(await script.store.commitLetters(['a'])).toBe(0);
      expect(await script.scheduledTexts()).toEqual(['a']);
      expect(await script.queued()).toEqual([]);
    });

    // a consumer that leased the letter keeps it, even after its lease deadline
    test('leaves a letter that a consumer has leased', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.store.commitLetters(['a']);
      const id = await script.leaseOne();
      await fixture.clock.advance('2m');
      expect(await script.store.commitLetters(['a'])).toBe(0);
      await script.complete(id);
    });

    // "before or after their timeout": only the prepared state counts
    test('commits a letter whose timeout has passed, until a sweep has found it', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a', 'b');
      await fixture.clock.advance('11m');
      expect(await script.store.commitLetters(['a'])).toBe(1);
      expect((await script.sweep()).requeued).toBe(1);
      expect(await script.store.commitLetters(['b'])).toBe(0);
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
    });

    // a released lease leaves a waiting item with 0 attempts: it is committed already
    test('skips a letter that waits again after a release', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.store.commitLetters(['a']);
      const id = await script.leaseOne();
      await script.store.release([id]);
      expect(await script.store.commitLetters(['a'])).toBe(0);
      expect((await script.queued())[0]).toMatchObject({ id, isLeased: false, attempts: 0 });
    });

    // a committed letter keeps its source id
    test('keeps the source id taken', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.store.commitLetters(['a']);
      await script.prepare('a');
      expect(await script.queued()).toHaveLength(1);
      expect(await script.store.commitLetters(['a'])).toBe(0);
    });
  });

  describe('abortLetters', () => {
    // "Removes prepared letters and no other items"
    test('removes prepared letters, and frees their source ids', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a', 'b', 'c', 'd');
      await script.store.commitLetters(['d']);
      expect(await script.store.abortLetters(['c', 'a', 'a', 'nobody', 'd'])).toBe(2);
      expect([await script.preparedTexts(), await script.queuedTexts()]).toEqual([['b'], ['d']]);
      expect(await script.store.abortLetters(['a', 'c'])).toBe(0);
      expect(await script.store.abortLetters([])).toBe(0);
      await script.prepare('a');
      expect(await script.preparedTexts()).toEqual(['b', 'a']);
    });

    // the same: leased items, and items in any other state, stay
    test('skips items in every other state, and those without a source id', async (fixture) => {
      const script = fixture.script();
      const { sourceIds, all } = await unpreparedItems(script);
      const before = await all();
      const ids = before.flat().map((item) => item.id);
      expect(await script.store.abortLetters([...sourceIds, '', ...ids])).toBe(0);
      expect(await all()).toEqual(before);
    });

    // a letter stays prepared after its timeout until a sweep finds it
    test('removes a letter whose timeout has passed, until a sweep has found it', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a', 'b');
      await fixture.clock.advance('11m');
      expect(await script.store.abortLetters(['a'])).toBe(1);
      await script.sweep();
      expect(await script.store.abortLetters(['b'])).toBe(0);
      expect(await script.queuedTexts()).toEqual(['b']);
    });
  });

  describe('findLetters', () => {
    // "Finds those source ids that belong to prepared letters."
    test.ifCapable('resize', 'tells which letters are prepared', async (fixture) => {
      const script = fixture.script();
      const { findLetters } = script.store;
      if (findLetters === undefined) throw new Error('the driver claims `resize`, and lacks `findLetters`');
      const find = async (...ids: readonly string[]) =>
        [...(await findLetters.call(script.store, ids))].sort();
      expect(await find()).toEqual([]);
      expect(await find('a')).toEqual([]);
      await script.prepare('a', 'b', 'c');
      expect(await find('b', 'x', 'a', 'b')).toEqual(['a', 'b']);
      await script.store.commitLetters(['a']);
      await script.store.abortLetters(['c']);
      expect(await find('a', 'b', 'c')).toEqual(['b']);
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // "A partition that is to leave its queue takes the call; one that has left fails as for a call that writes."
    test.ifCapable('resize', 'works in a partition that is to leave', async (fixture) => {
      const { source, from } = new MovingPartition(fixture);
      await source.prepare('a');
      await from.beginLeaving?.(CLAIM);
      expect(await source.store.findLetters?.(['a'])).toEqual(['a']);
      expect(await source.store.commitLetters(['a'])).toBe(1);
      await from.leave(CLAIM);
      await expect(source.store.findLetters?.(['a'])).rejects.toMatchObject({ closed: true });
    });
  });

  describe('a move to the dead-letter queue', () => {
    // all steps, each repeated as after a crash, with the letter completed in between
    test('brings one letter, whichever step is repeated', async (fixture) => {
      const [from, to] = [fixture.script(), fixture.script()];
      const id = await from.addMoving('a');
      const send = async () => {
        const { dead } = await from.sweep();
        expect(dead.map((item) => item.id)).toEqual([id]);
        await to.store.prepareLetters(
          dead.map((item) => deadLetter(textsOf([item])[0] as string, item.id)),
          TIMEOUTS,
        );
        await fixture.clock.advance('31s');
      };
      await send();
      await send();
      expect(await from.store.markMoved([id])).toEqual(marked([id]));
      expect(await from.store.markMoved([id])).toEqual(marked([], [id]));
      expect(await to.store.commitLetters([id])).toBe(1);
      await to.complete(await to.leaseOne());
      expect(await from.sweep()).toMatchObject({ dead: [], moved: [id] });
      expect(await to.store.commitLetters([id])).toBe(0);
      await from.store.remove([id]);
      await from.store.remove([id]);
      await fixture.clock.advance('48h');
      for (const script of [from, to]) {
        expect(await script.sweep()).toMatchObject({ dead: [], moved: [], nextDueMs: undefined });
        expect(await script.queued()).toEqual([]);
      }
    });

    // a late mover finds the original gone, and aborts its letter
    test('leaves no letter of a process that came too late', async (fixture) => {
      const [from, to] = [fixture.script(), fixture.script()];
      const id = await from.addMoving('a');
      await from.store.remove([id]);
      await to.store.prepareLetters([deadLetter('a', id)], TIMEOUTS);
      expect(await from.store.markMoved([id])).toEqual(marked([]));
      expect(await to.store.abortLetters([id])).toBe(1);
      expect(await to.queued()).toEqual([]);
    });
  });
}
