import { describe, expect } from 'vitest';
import { numbered, textsOf } from '../fixture/content.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const CLEARED = { waiting: true, leased: true, scheduled: true };

/** "Calls may run concurrently, also from several processes on one storage": dead-letter moves. */
export function describeLetterConcurrency(test: StorageTest): void {
  describe('several movers', () => {
    const texts = numbered('letter', 40);
    const inTurn = (n: number) => (n % 2 === 0 ? texts : [...texts].reverse());
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

    /** The callers twice, so that more calls overlap. */
    const twice = (scripts: readonly PartitionScript[]) => [...scripts, ...scripts];

    // `prepareLetters`: "A letter whose source id the partition already has … is left out"
    test('prepare a letter once', async (fixture) => {
      const scripts = await fixture.callers();
      await Promise.all(twice(scripts).map((script, n) => script.prepare(...inTurn(n))));
      expect([...((await scripts[0]?.preparedTexts()) ?? [])].sort()).toEqual([...texts].sort());
      expect(await scripts[0]?.store.stats()).toMatchObject({ waiting: 0, leased: 0 });
    });

    // `commitLetters`: exactly one call makes a letter available and counts it
    test('commit a letter once', async (fixture) => {
      const scripts = await fixture.callers();
      for (let round = 0; round < 5; round++) {
        await scripts[0]?.prepare(...texts);
        const counts = await Promise.all(
          twice(scripts).map((script, n) => script.store.commitLetters(inTurn(n))),
        );
        expect(sum(counts)).toBe(40);
        expect(await scripts[0]?.store.stats()).toMatchObject({ waiting: 40, leased: 0 });
        expect([...((await scripts[0]?.queuedTexts()) ?? [])].sort()).toEqual([...texts].sort());
        await scripts[0]?.store.clear(CLEARED);
      }
    });

    // commit and abort of one letter at the same time: exactly one succeeds
    test('either commit or abort', async (fixture) => {
      const scripts = await fixture.callers();
      for (let round = 0; round < 5; round++) {
        await scripts[0]?.prepare(...texts);
        const [committed, aborted] = await Promise.all([
          Promise.all(scripts.map((script, n) => script.store.commitLetters(inTurn(n)))),
          Promise.all(scripts.map((script, n) => script.store.abortLetters(inTurn(n + 1)))),
        ]);
        expect(sum(committed) + sum(aborted)).toBe(40);
        expect(await scripts[0]?.store.stats()).toMatchObject({ waiting: sum(committed), leased: 0 });
        await scripts[0]?.store.clear(CLEARED);
      }
    });

    // a sweep finds a letter after its timeout while its mover commits it: it enters the queue once
    test('commit letters that a sweep is committing, or leave them to the sweep', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      for (let round = 0; round < 5; round++) {
        await script.prepare(...texts);
        await fixture.clock.advance('11m');
        const [committed, swept] = await Promise.all([
          Promise.all(scripts.map((each, n) => each.store.commitLetters(inTurn(n)))),
          Promise.all(scripts.map((each) => each.sweep({ maxAttempts: 1 }))),
        ]);
        const requeued = swept.map((result) => result.requeued);
        const later = await script.store.commitLetters(texts);
        expect(sum(committed) + sum(requeued) + later).toBe(40);
        expect(await script.store.stats()).toMatchObject({ waiting: 40, leased: 0 });
        const leased = await script.lease();
        expect(textsOf(leased).sort()).toEqual([...texts].sort());
        expect(leased.every((item) => item.attempts === 1)).toBe(true);
        await script.store.clear(CLEARED);
      }
    });

    // "Of two concurrent callers only one gets an item in `marked`"; the other gets it in `markedBefore`
    test('mark the same items, in whatever order they name them', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      const many = numbered('item', 400);
      for (let round = 0; round < 5; round++) {
        await script.produce(...many);
        const ids = (await script.lease()).map((item) => item.id);
        await script.retry(...ids.map((id) => ({ id, dead: true })));
        const results = await Promise.all(
          twice(scripts).map((each, n) => each.store.markMoved(n % 2 === 0 ? ids : [...ids].reverse())),
        );
        for (const each of results) expect([...each.marked, ...each.markedBefore].sort()).toEqual(ids);
        expect(results.flatMap((each) => each.marked).sort()).toEqual(ids);
        expect([...(await script.sweep()).moved].sort()).toEqual(ids);
        await script.store.remove(ids);
      }
    });

    // a mark does not end a claim, and a sweep does not undo a mark: an item has one mover at a time
    test('mark items that a sweep is reporting', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      await script.produce(...texts);
      const ids = (await script.lease()).map((item) => item.id);
      await script.retry(...ids.map((id) => ({ id, dead: true })));
      const [results, swept] = await Promise.all([
        Promise.all(scripts.map((each) => each.store.markMoved(ids))),
        Promise.all(scripts.map((each) => each.sweep())),
      ]);
      for (const each of results) expect([...each.marked, ...each.markedBefore].sort()).toEqual(ids);
      const reported = swept.flatMap(({ dead, moved }) => [...dead.map((item) => item.id), ...moved]);
      expect(reported.sort()).toEqual([...new Set(reported)]);
      const rest = await script.sweep();
      expect(rest.dead).toEqual([]);
      expect([...reported, ...rest.moved].sort()).toEqual(ids);
      await fixture.clock.advance('31s');
      const { dead, moved } = await script.sweep();
      expect([dead, [...moved].sort()]).toEqual([[], ids]);
    });
  });
}
