import { addDuration, type DeathRules, parseDuration, SCHEDULE_THRESHOLD } from '@querator/core';
import { describe, expect } from 'vitest';
import { numbered, textsOf } from '../fixture/content.ts';
import { valuesOf, verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { describeBadIds } from './bad-ids.ts';

const UNLIMITED: DeathRules = { maxAttempts: 0, dead: 'move' };

/** What `PartitionStore.retry` promises about living items. For dead ones see `retry-death.ts`. */
export function describeRetry(test: StorageTest): void {
  describe('retry', () => {
    // "Otherwise: waiting at the tail under a new id"
    test('puts an item at the tail under a new id', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const id = await script.leaseOne();
      expect(await script.retry({ id })).toEqual({ waiting: 1, scheduled: 0, moving: 0, deleted: 0 });
      const items = await script.queued();
      expect(textsOf(items)).toEqual(['b', 'a']);
      expect((items[1]?.id ?? '') > id).toBe(true);
      expect(items[1]).toMatchObject({ isLeased: false, attempts: 1 });
      expect(items[1]?.leaseDeadline).toBeUndefined();
    });

    // "Attempts, source id, createdAt and expireDeadline stay"
    test('keeps attempts, source id, createdAt and expireDeadline', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', attempts: 2, maxAttempts: 7 });
      const [before] = await script.queued();
      await fixture.clock.advance('10s');
      await script.retry({ id: await script.leaseOne() });
      const kept = {
        sourceId: 'source',
        attempts: 3,
        maxAttempts: 7,
        createdAt: before?.createdAt,
        expireDeadline: before?.expireDeadline,
      };
      expect((await script.queued())[0]).toMatchObject(kept);
      expect(await script.import('again', { sourceId: 'source' })).toBeUndefined();
      await script.retry({ id: await script.leaseOne(), retryAt: script.in('1h') });
      expect((await script.scheduled())[0]).toMatchObject({ ...kept, attempts: 4 });
      expect(await script.import('again', { sourceId: 'source' })).toBeUndefined();
    });

    // "retryAt is at least the schedule threshold ahead: scheduled under its old id"
    test('schedules from exactly 100 ms ahead, under the old id', async (fixture) => {
      const script = fixture.script();
      await script.produce('absent', 'past', 'near', 'exactly', 'later');
      const [absent, past, near, exactly, later] = (await script.lease()).map((item) => item.id) as string[];
      const threshold = addDuration(fixture.clock.now(), SCHEDULE_THRESHOLD);
      const result = await script.retry(
        { id: absent as string },
        { id: past as string, retryAt: script.in('-1h') },
        { id: near as string, retryAt: addDuration(threshold, parseDuration('-1us')) },
        { id: exactly as string, retryAt: threshold },
        { id: later as string, retryAt: script.in('1h') },
      );
      expect(result).toEqual({ waiting: 3, scheduled: 2, moving: 0, deleted: 0 });
      expect(await script.queuedTexts()).toEqual(['absent', 'past', 'near']);
      expect((await script.scheduled()).map(({ id, enqueueAt }) => ({ id, enqueueAt }))).toEqual([
        { id: exactly, enqueueAt: threshold },
        { id: later, enqueueAt: script.in('1h') },
      ]);
      for (const item of await script.queued()) expect(item.enqueueAt).toBeUndefined();
      for (const item of await script.scheduled()) {
        expect(item.isLeased).toBe(false);
        expect(item.leaseDeadline).toBeUndefined();
      }
    });

    // the new order is that of the requests and their items
    test('returns items in the order of the requests', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd', 'waiting');
      const [a, b, c, d] = (await script.lease(4)).map((item) => item.id) as [string, string, string, string];
      const again = (...ids: string[]) => ({ items: ids.map((id) => ({ id, dead: false })) });
      const outcomes = await script.store.retry([again(c, a), again(d), again(b)], UNLIMITED);
      expect(valuesOf(outcomes).map((value) => value.waiting)).toEqual([2, 1, 1]);
      expect(await script.queuedTexts()).toEqual(['waiting', 'c', 'a', 'd', 'b']);
    });

    // "Only the leased state counts", as in `complete`
    test('accepts an item whose lease has ended and that no sweep has found yet', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await fixture.clock.advance('1h');
      expect(await script.retry({ id })).toMatchObject({ waiting: 1 });
    });

    // "a new id": the old one is never valid again
    test('makes the old id invalid', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await script.retry({ id });
      await script.lease();
      const gone = [`invalid storage id; '${id}' does not exist`];
      expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual(gone);
      expect(verdictsOf(await script.store.retry([{ items: [{ id, dead: false }] }], UNLIMITED))).toEqual(
        gone,
      );
      expect(await script.store.release([id])).toBe(0);
    });

    // an empty call succeeds
    test('accepts empty batches and empty requests', async (fixture) => {
      const store = fixture.partition();
      expect(await store.retry([], UNLIMITED)).toEqual([]);
      expect(await store.retry([{ items: [] }], UNLIMITED)).toEqual([
        { ok: true, value: { waiting: 0, scheduled: 0, moving: 0, deleted: 0 } },
      ]);
    });

    // batches much larger than one request
    test('returns 5,000 items in one call in order', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 5_000));
      const items = (await script.lease(5_000)).map(({ id }) => ({ id, dead: false }));
      const requests = numbered('', 5).map((_, n) => ({ items: items.slice(n * 1_000, (n + 1) * 1_000) }));
      valuesOf(await script.store.retry(requests.reverse(), UNLIMITED));
      const texts = numbered('item', 5_000);
      const expected = [4, 3, 2, 1, 0].flatMap((n) => texts.slice(n * 1_000, (n + 1) * 1_000));
      expect(await script.queuedTexts()).toEqual(expected);
    });

    describeBadIds(test, 'retried', (store, requests) =>
      store.retry(
        requests.map(({ ids }) => ({ items: ids.map((id) => ({ id, dead: false })) })),
        UNLIMITED,
      ),
    );
  });
}
