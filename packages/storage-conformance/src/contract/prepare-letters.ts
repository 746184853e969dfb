import { type ImportedItem, noSuchItem, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, deadLetter, numbered, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { unpreparedItems } from './unprepared-items.ts';

const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };

/** What `PartitionStore.prepareLetters` promises, and what a prepared letter is. */
export function describePrepareLetters(test: StorageTest): void {
  describe('prepareLetters', () => {
    // "with 0 attempts", "until now plus autoCommitTimeout"; otherwise "as `import` does": at the tail, `createdAt` now
    test('stores letters at the tail, with new ids and not available', async (fixture) => {
      const script = fixture.script();
      await script.produce('before');
      await fixture.clock.advance('10s');
      await script.store.prepareLetters([deadLetter('a', 'source a'), deadLetter('b', 'source b')], {
        expireTimeout: parseDuration('3h0m0.000001s'),
        autoCommitTimeout: parseDuration('7m0.000001s'),
      });
      const letters = await script.prepared();
      expect(letters.map(contentOf)).toEqual([content('a'), content('b')]);
      for (const letter of letters) {
        expect(letter).toMatchObject({
          isLeased: true,
          attempts: 0,
          maxAttempts: 0,
          createdAt: fixture.clock.now(),
          expireDeadline: script.in('3h0m0.000001s'),
          leaseDeadline: script.in('7m0.000001s'),
        });
        expect(letter.enqueueAt).toBeUndefined();
      }
      expect(letters.map((letter) => letter.sourceId)).toEqual(['source a', 'source b']);
      for (const { id } of letters) expect(id > ((await script.queued())[0]?.id ?? '')).toBe(true);
    });

    // "They cannot be leased"
    test('leases them to no consumer', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a', 'b');
      await script.produce('c');
      expect(textsOf(await script.lease())).toEqual(['c']);
    });

    // a caller may pass the dead item itself: the letter gets only its content and source id
    test('stores only the content of an item that is passed as a letter', async (fixture) => {
      const [from, to] = [fixture.script(), fixture.script()];
      await from.import('a', {
        sourceId: 'older',
        attempts: 4,
        maxAttempts: 5,
        expireDeadline: from.in('1m'),
      });
      await fixture.clock.advance('2m');
      const { dead } = await from.sweep();
      await fixture.clock.advance('1m');
      await to.store.prepareLetters(
        dead.map((item) => ({ ...item, enqueueAt: to.in('1h'), sourceId: item.id })),
        TIMEOUTS,
      );
      const [letter] = await to.prepared();
      expect(letter).toMatchObject({
        sourceId: dead[0]?.id,
        isLeased: true,
        attempts: 0,
        maxAttempts: 0,
        createdAt: fixture.clock.now(),
        expireDeadline: to.in('24h'),
        leaseDeadline: to.in('10m'),
      });
      expect(letter?.id).not.toBe(dead[0]?.id);
      expect(await to.scheduled()).toEqual([]);
    });

    // "A letter whose source id the partition already has, in any state, is left out"
    test('leaves out letters whose source id exists, in whatever state', async (fixture) => {
      const script = fixture.script();
      const { sourceIds, all } = await unpreparedItems(script);
      await script.prepare('prepared');
      const prepared = await script.prepared();
      const before = await all();
      await fixture.clock.advance('1m');
      await script.store.prepareLetters(
        [...sourceIds, 'prepared'].map((sourceId) => deadLetter(`again ${sourceId}`, sourceId)),
        TIMEOUTS,
      );
      expect([await all(), await script.prepared()]).toEqual([before, prepared]);
      await script.prepare('waiting', 'new', 'prepared');
      expect(await script.preparedTexts()).toEqual(['prepared', 'new']);
      expect(await all()).toEqual(before);
    });

    // within one call, the first item is stored
    test('leaves out later letters of the same call with the same source id', async (fixture) => {
      const script = fixture.script();
      const letters = ['a', 'b', 'a', 'b', 'a'].map((source, n) => deadLetter(`${source}${n}`, source));
      await script.store.prepareLetters(letters, TIMEOUTS);
      expect(await script.preparedTexts()).toEqual(['a0', 'b1']);
    });

    // "unique in a partition", not beyond it
    test('accepts the same source id in another partition', async (fixture) => {
      const [here, there] = [fixture.script(), fixture.script()];
      await here.prepare('a');
      await there.prepare('a');
      expect(await there.preparedTexts()).toEqual(['a']);
    });

    // completing the letter "frees their source ids": from then on only the mark on the original prevents a duplicate
    test('accepts a source id again after complete and delete', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.store.commitLetters(['a']);
      await script.complete(await script.leaseOne());
      await script.prepare('a');
      const ids = (await script.prepared()).map((item) => item.id);
      expect(ids).toHaveLength(1);
      await script.store.delete(ids);
      await script.prepare('a');
      expect(await script.preparedTexts()).toEqual(['a']);
    });

    // "as `import` does": in request order, with many items; an empty call succeeds
    test('prepares and commits 3,000 letters in order, and an empty list', async (fixture) => {
      const script = fixture.script();
      await script.prepare();
      expect(await script.prepared()).toEqual([]);
      const texts = numbered('letter', 3_000);
      await script.prepare(...texts);
      expect(await script.preparedTexts()).toEqual(texts);
      expect(await script.store.commitLetters([...texts].reverse())).toBe(3_000);
      expect(textsOf(await script.lease())).toEqual(texts);
    });
  });

  describe('a prepared letter', () => {
    // "Only a `list` of prepared letters shows them, and `stats` does not count them"
    test('is neither listed nor counted with other items', async (fixture) => {
      const script = fixture.script();
      const { all } = await unpreparedItems(script);
      const [items, counts] = [await all(), await script.store.stats()];
      await script.prepare('a', 'b');
      await fixture.clock.advance('1s');
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

    // "They cannot be leased, and `complete` and `retry` treat their ids as unknown"
    test('cannot be completed, retried or released by its id', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.produce('b');
      const prepared = await script.prepared();
      const [id, other] = [prepared[0]?.id ?? '', await script.leaseOne()];
      const unknown = { ok: false, error: noSuchItem(id) };
      expect(await script.store.complete([{ ids: [other, id] }])).toEqual([unknown]);
      const items = [{ id, dead: false }];
      const rules = { maxAttempts: 0, dead: 'move' } as const;
      expect(await script.store.retry([{ items }], rules)).toEqual([unknown]);
      expect(await script.store.release([id])).toBe(0);
      expect(await script.prepared()).toEqual(prepared);
      await script.complete(other);
    });

    // a prepared letter fails only the request that names it
    test('does not affect other requests of a batch', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      await script.produce('b');
      const [id, other] = [(await script.prepared())[0]?.id ?? '', await script.leaseOne()];
      const outcomes = await script.store.complete([{ ids: [id] }, { ids: [other] }]);
      expect(outcomes.map(({ ok }) => ok)).toEqual([false, true]);
      expect(await script.preparedTexts()).toEqual(['a']);
    });

    // "An import never makes a prepared letter"
    test('differs from an imported item with the same fields', async (fixture) => {
      const script = fixture.script();
      const [letter, sourceId] = [deadLetter('a'), 'a'];
      await script.prepare('b');
      const [prepared] = await script.prepared();
      const copy = { ...prepared, ...letter, sourceId } as ImportedItem;
      const [stored] = await script.store.import([copy], EXPIRE_TIMEOUT);
      expect(stored).toMatchObject({ sourceId, isLeased: true, attempts: 0, maxAttempts: 0 });
      expect(await script.queuedTexts()).toEqual(['a']);
      expect(await script.store.commitLetters(['a'])).toBe(0);
      expect(await script.store.abortLetters(['a'])).toBe(0);
      await script.complete(stored?.id ?? '');
      expect(await script.preparedTexts()).toEqual(['b']);
    });

    // "After the timeout a sweep makes a letter available, as it does with an overdue lease"
    test('becomes available after its timeout, and not before', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      const [prepared] = await script.prepared();
      await script.produce('meanwhile');
      await fixture.clock.advance('10m');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [] });
      await fixture.clock.advance('1us');
      expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 1, dead: [], moved: [] });
      const [, letter] = await script.queued();
      expect(await script.queuedTexts()).toEqual(['meanwhile', 'a']);
      expect((letter?.id ?? '') > (prepared?.id ?? '')).toBe(true);
      expect(await script.prepared()).toEqual([]);
      expect(letter).toMatchObject({
        isLeased: false,
        attempts: 0,
        maxAttempts: 0,
        sourceId: 'a',
        createdAt: prepared?.createdAt,
      });
      expect(letter?.expireDeadline).toBe(prepared?.expireDeadline);
      expect((await script.lease()).map((item) => item.attempts)).toEqual([1, 1]);
    });

    // `nextDueMs` is the end of the timeout
    test('makes sweeps report the end of its timeout as the next deadline', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      const { nextDueMs } = await script.sweep();
      expect(nextDueMs).toBeGreaterThanOrEqual(600_000);
      expect(nextDueMs).toBeLessThanOrEqual(600_001);
    });

    // "past expireDeadline and not under a valid lease": a prepared letter counts as leased
    test('expires after its timeout, and not before', async (fixture) => {
      const script = fixture.script();
      await script.store.prepareLetters([deadLetter('a')], {
        expireTimeout: parseDuration('1m'),
        autoCommitTimeout: parseDuration('10m'),
      });
      await fixture.clock.advance('5m');
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      expect(await script.store.commitLetters(['a'])).toBe(1);
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });

    // `clear` and `delete` treat it as a leased item
    test('is cleared as a leased item, and frees its source id', async (fixture) => {
      const script = fixture.script();
      await script.prepare('a');
      expect(await script.store.clear({ waiting: true, leased: false, scheduled: true })).toBe(0);
      expect(await script.store.clear({ waiting: false, leased: true, scheduled: false })).toBe(1);
      expect(await script.import('b', { sourceId: 'a' })).toBeDefined();
    });
  });
}
