import { addDuration, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, newItem, numbered, textsOf } from '../fixture/content.ts';
import { EXPIRE_TIMEOUT, LEASE_TIMEOUT, valuesOf } from '../fixture/partition-script.ts';
import { produceAndLease } from '../fixture/produce-and-lease.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const requestsOf = (...requests: (readonly string[])[]) =>
  requests.map((texts) => ({ items: texts.map((text) => newItem(text)) }));
const upTo = (limit: number) => ({ limit, leaseTimeout: LEASE_TIMEOUT });

/** What `PartitionStore.produceAndLease` promises. A produce and a lease must have the same result. */
export function describeProduceAndLease(test: StorageTest): void {
  describe('produceAndLease', () => {
    // "The leased items do not differ from items that were produced and then leased"
    test('returns ids to the requests that ask', async (fixture) => {
      const script = fixture.script();
      const { outcomes, leased } = await produceAndLease(
        script.store,
        [{ items: ['a', 'b'].map((text) => newItem(text)), returnIds: true }, { items: [newItem('c')] }],
        EXPIRE_TIMEOUT,
        upTo(1),
      );
      const stored = await script.queued();
      const [a, b] = stored.map(({ id }) => id);
      expect(valuesOf(outcomes).map(({ ids }) => ids)).toEqual([[a, b], undefined]);
      expect(leased.map(({ id }) => id)).toEqual([a]);
    });

    // "the first new items are stored as leased with one attempt, up to `lease.limit`"
    test('leases the first of the items, and stores the others as waiting', async (fixture) => {
      const script = fixture.script();
      const { outcomes, leased } = await produceAndLease(
        script.store,
        requestsOf(['a', 'b'], ['c', 'd'], ['e']),
        EXPIRE_TIMEOUT,
        upTo(3),
      );
      expect(outcomes).toEqual([0, 1, 1].map((waiting) => ({ ok: true, value: { waiting, scheduled: 0 } })));
      expect(textsOf(leased)).toEqual(['a', 'b', 'c']);
      const stored = await script.queued();
      expect(textsOf(stored)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(stored.slice(0, 3).map(({ id }) => id)).toEqual(leased.map(({ id }) => id));
      expect(stored.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 0, 0]);
      expect(textsOf(await script.lease())).toEqual(['d', 'e']);
    });

    test('leases no more items than the request has', async (fixture) => {
      const script = fixture.script();
      const { leased } = await produceAndLease(script.store, requestsOf(['a']), EXPIRE_TIMEOUT, upTo(100));
      expect(textsOf(leased)).toEqual(['a']);
      expect(await script.lease()).toEqual([]);
    });

    // "If items wait, they go first, and no new item is leased"
    test('leases none if items wait', async (fixture) => {
      const script = fixture.script();
      await script.produce('older');
      const { outcomes, leased } = await produceAndLease(
        script.store,
        requestsOf(['newer']),
        EXPIRE_TIMEOUT,
        upTo(5),
      );
      expect(outcomes).toEqual([{ ok: true, value: { waiting: 1, scheduled: 0 } }]);
      expect(leased).toEqual([]);
      expect(textsOf(await script.lease())).toEqual(['older', 'newer']);
    });

    // leased and scheduled items are not waiting
    test('ignores items that are leased or scheduled', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased');
      await script.lease();
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const { leased } = await produceAndLease(script.store, requestsOf(['new']), EXPIRE_TIMEOUT, upTo(5));
      expect(textsOf(leased)).toEqual(['new']);
    });

    // "The leased items do not differ from items that were produced and then leased"
    test('gives the items the same times and content as other items', async (fixture) => {
      const script = fixture.script();
      const now = fixture.clock.now();
      const lease = { limit: 1, leaseTimeout: parseDuration('30s') };
      const { leased } = await produceAndLease(
        script.store,
        requestsOf(['a']),
        parseDuration('1h0m0.000001s'),
        lease,
      );
      const [item] = leased;
      expect(item?.id).toMatch(/^[0-9A-Za-z]{27}$/);
      expect(item).toMatchObject({ attempts: 1, leaseDeadline: addDuration(now, lease.leaseTimeout) });
      expect(item && contentOf(item)).toEqual(content('a'));
      expect(await script.queued()).toMatchObject([
        {
          ...{
            id: item?.id,
            isLeased: true,
            leaseDeadline: item?.leaseDeadline,
            attempts: 1,
            maxAttempts: 0,
          },
          createdAt: now,
          expireDeadline: addDuration(now, parseDuration('1h0m0.000001s')),
        },
      ]);
    });

    test('stores items that can be completed and released, and that return when the lease ends', async (fixture) => {
      const script = fixture.script();
      const { leased } = await produceAndLease(
        script.store,
        requestsOf(['done', 'undone', 'late']),
        EXPIRE_TIMEOUT,
        upTo(3),
      );
      const [done, undone] = leased.map(({ id }) => id) as [string, string];
      expect(await script.store.complete([{ ids: [done] }])).toEqual([{ ok: true, value: undefined }]);
      expect(await script.store.release([undone])).toBe(1);
      await fixture.clock.advance('61s');
      await script.sweep();
      expect((await script.lease()).map((item) => [...textsOf([item]), item.attempts])).toEqual([
        ['undone', 1],
        ['late', 2],
      ]);
    });

    test('keeps the order of a thousand items in many requests, leased or not', async (fixture) => {
      const script = fixture.script();
      const texts = numbered('item', 1_000);
      const requests = Array.from({ length: 10 }, (_, n) => texts.slice(n * 100, (n + 1) * 100));
      const { leased } = await produceAndLease(
        script.store,
        requestsOf(...requests),
        EXPIRE_TIMEOUT,
        upTo(555),
      );
      expect(textsOf(leased)).toEqual(texts.slice(0, 555));
      expect(await script.queuedTexts()).toEqual(texts);
      expect(textsOf(await script.lease(1_000))).toEqual(texts.slice(555));
    });

    test('in parallel calls never leases an item twice', async (fixture) => {
      const script = fixture.script();
      const all = await Promise.all(
        numbered('p', 20).map((name) =>
          produceAndLease(
            script.store,
            requestsOf([`${name}-a`, `${name}-b`], [`${name}-c`]),
            EXPIRE_TIMEOUT,
            upTo(2),
          ),
        ),
      );
      const given = all.flatMap(({ leased }) => textsOf(leased));
      const rest = textsOf(await script.lease(1_000));
      expect([...given, ...rest].sort()).toEqual(
        numbered('p', 20)
          .flatMap((name) => ['a', 'b', 'c'].map((each) => `${name}-${each}`))
          .sort(),
      );
    });
  });
}
