import { addDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, newItem, numbered, textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import {
  idsOf,
  keyedStore,
  produceKeyedAndLease,
  produceUnder,
  REFUSE,
  under,
} from '../fixture/keyed-produce.ts';
import { EXPIRE_TIMEOUT, LEASE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const upTo = (limit: number) => ({ limit, leaseTimeout: LEASE_TIMEOUT });

/** What `PartitionStore.produceKeyedAndLease` promises. A keyed produce and a lease must have the same result. */
export function describeKeyedProduceAndLease(test: StorageTest): void {
  describe('produceKeyedAndLease', () => {
    const testKeyed = (title: string, body: (fixture: Fixture) => Promise<void>) =>
      test.ifCapable('dedup', title, body);

    // "stores the first new items as leased if no item waits"
    testKeyed('leases the first of the new items, and stores their keys', async (fixture) => {
      const script = fixture.script();
      const requests = [[under('k', 'a', 'b'), under('c', 'c')], [under('a', 'd', 'e')]];
      const { results, leased } = await produceKeyedAndLease(script, requests, upTo(4));
      expect(textsOf(leased)).toEqual(['a', 'b', 'c', 'd']);
      expect(results.map(({ waiting, scheduled }) => [waiting, scheduled])).toEqual([
        [0, 0],
        [1, 0],
      ]);
      const stored = await script.queued();
      expect(textsOf(stored)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(results.flatMap(({ groups: each }) => each.flatMap(idsOf))).toEqual(stored.map(({ id }) => id));
      expect(leased.map(({ id }) => id)).toEqual(stored.slice(0, 4).map(({ id }) => id));
      expect(stored.map(({ isLeased, attempts }) => [isLeased, attempts])).toEqual([
        ...leased.map(() => [true, 1]),
        [false, 0],
      ]);
      expect(textsOf(await script.lease())).toEqual(['e']);
      expect(await produceUnder(script, 'k', 'again')).toEqual({
        ...results[0]?.groups[0],
        state: 'duplicate',
      });
    });

    // "The leased items do not differ from items that were produced and then leased"
    testKeyed('gives the items the same times and content as other items', async (fixture) => {
      const script = fixture.script();
      const now = fixture.clock.now();
      const { leased } = await produceKeyedAndLease(script, [[under('k', 'a')]], upTo(1));
      const [item] = leased;
      expect(item).toMatchObject({ attempts: 1, leaseDeadline: addDuration(now, LEASE_TIMEOUT) });
      expect(item && contentOf(item)).toEqual(content('a'));
      expect(await script.queued()).toMatchObject([
        {
          ...{ id: item?.id, isLeased: true, leaseDeadline: item?.leaseDeadline, attempts: 1 },
          createdAt: now,
          expireDeadline: addDuration(now, EXPIRE_TIMEOUT),
        },
      ]);
    });

    // "Nothing of a duplicate is leased"
    testKeyed('leases nothing of a key that is held', async (fixture) => {
      const script = fixture.script();
      const first = await produceUnder(script, 'held', 'old');
      await script.lease();
      const groups = [under('held', 'again'), under('held', 'and again')];
      const { results, leased } = await produceKeyedAndLease(script, [groups], upTo(5));
      expect(leased).toEqual([]);
      expect(results[0]?.groups.map(idsOf)).toEqual([idsOf(first), idsOf(first)]);
      expect(await script.queuedTexts()).toEqual(['old']);
    });

    testKeyed('leases new items beside duplicates, and loses none of them', async (fixture) => {
      const script = fixture.script();
      await produceUnder(script, 'held', 'old');
      await script.lease();
      const groups = [under('held', 'again'), under('b', 'b', 'c'), under('b', 'twice'), under('a', 'd')];
      const { results, leased } = await produceKeyedAndLease(script, [groups], upTo(3));
      expect(results[0]?.groups.map(({ state }) => state)).toEqual([
        ...['duplicate', 'stored', 'duplicate', 'stored'],
      ]);
      const rest = textsOf(await script.lease());
      expect([...textsOf(leased), ...rest]).toEqual(['b', 'c', 'd']);
      expect(results[0]?.waiting).toBe(rest.length);
    });

    // "if no item waits"
    testKeyed('leases none if items wait', async (fixture) => {
      const script = fixture.script();
      await script.produce('older');
      const { results, leased } = await produceKeyedAndLease(script, [[under('k', 'newer')]], upTo(5));
      expect([results[0]?.waiting, leased]).toEqual([1, []]);
      expect(textsOf(await script.lease())).toEqual(['older', 'newer']);
    });

    testKeyed('ignores items that are leased or scheduled', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased');
      await script.lease();
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const { leased } = await produceKeyedAndLease(script, [[under('k', 'new')]], upTo(5));
      expect(textsOf(leased)).toEqual(['new']);
    });

    testKeyed('leases and stores nothing if new keys are refused', async (fixture) => {
      const script = fixture.script();
      await produceUnder(script, 'held', 'old');
      await script.lease();
      const { results, leased } = await produceKeyedAndLease(
        script,
        [[under('new', 'a'), under('held', 'b')]],
        upTo(5),
        REFUSE,
      );
      expect(results[0]?.groups.map(({ state }) => state)).toEqual(['refused', 'duplicate']);
      expect(leased).toEqual([]);
      expect(await script.queuedTexts()).toEqual(['old']);
    });

    testKeyed(
      'stores items that can be completed and released, and that return when the lease ends',
      async (fixture) => {
        const script = fixture.script();
        const { leased } = await produceKeyedAndLease(
          script,
          [[under('k', 'done', 'undone', 'late')]],
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
      },
    );

    testKeyed('keeps the order of a thousand items under many keys, leased or not', async (fixture) => {
      const script = fixture.script();
      const texts = numbered('item', 1_000);
      const requests = Array.from({ length: 10 }, (_, n) => [
        under(`z${9 - n}`, ...texts.slice(n * 100, n * 100 + 40)),
        under(`a${n}`, ...texts.slice(n * 100 + 40, n * 100 + 100)),
      ]);
      const { leased } = await produceKeyedAndLease(script, requests, upTo(555));
      expect(textsOf(leased)).toEqual(texts.slice(0, 555));
      expect(await script.queuedTexts()).toEqual(texts);
      expect(textsOf(await script.lease(1_000))).toEqual(texts.slice(555));
    });

    // "Of concurrent calls with the same new key, in any process, one stores its items"
    testKeyed('in parallel calls stores each key once, and never leases an item twice', async (fixture) => {
      const scripts = await fixture.callers();
      const keys = numbered('k', 12);
      const calls = [...scripts, ...scripts].flatMap((script, caller) =>
        keys.map((key, n) => ({ script, key, other: keys[(n + caller + 1) % keys.length] ?? key })),
      );
      const all = await Promise.all(
        calls.map(({ script, key, other }) =>
          produceKeyedAndLease(script, [[under(key, key)], [under(other, other)]], upTo(1)),
        ),
      );
      const given = all.flatMap(({ leased }) => textsOf(leased));
      const rest = textsOf(await (scripts[0] as PartitionScript).lease(1_000));
      expect([...given, ...rest].sort()).toEqual([...keys].sort());
      expect(await keyedStore(scripts[0] as PartitionScript).countKeys()).toBe(keys.length);
    });
  });
}
