import { addDuration, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, newItem, numbered, textsOf } from '../fixture/content.ts';
import {
  idsOf,
  keyedStore,
  produceBatch,
  produceKeyed,
  produceUnder,
  REFUSE,
  under,
  WINDOW,
} from '../fixture/keyed-produce.ts';
import { EXPIRE_TIMEOUT, LEASE_TIMEOUT, verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.produceKeyed` promises of one caller. */
export function describeKeyedProduce(test: StorageTest): void {
  describe('produceKeyed', () => {
    // "The items of a key are stored as `produce` stores them"
    test.ifCapable(
      'dedup',
      'stores the items of a new key in order, and returns their ids',
      async (fixture) => {
        const script = fixture.script();
        const now = fixture.clock.now();
        const result = await produceKeyed(script, [under('k', 'a', 'b', 'c')]);
        const stored = await script.queued();
        expect(textsOf(stored)).toEqual(['a', 'b', 'c']);
        expect(result).toEqual({
          waiting: 3,
          scheduled: 0,
          groups: [{ state: 'stored', ids: stored.map(({ id }) => id) }],
        });
        expect(stored[0] && contentOf(stored[0])).toEqual(content('a'));
        expect(stored).toMatchObject(
          numbered('', 3).map(() => ({
            isLeased: false,
            attempts: 0,
            createdAt: now,
            expireDeadline: addDuration(now, EXPIRE_TIMEOUT),
          })),
        );
        expect(textsOf(await script.lease())).toEqual(['a', 'b', 'c']);
      },
    );

    test.ifCapable('dedup', 'adds at the tail, between plain items', async (fixture) => {
      const script = fixture.script();
      await script.produce('first');
      await produceUnder(script, 'k', 'a', 'b');
      await script.produce('last');
      expect(await script.queuedTexts()).toEqual(['first', 'a', 'b', 'last']);
    });

    test.ifCapable('dedup', 'schedules items, and counts them', async (fixture) => {
      const script = fixture.script();
      const items = [newItem('now'), newItem('later', script.in('1h')), newItem('soon', script.in('99ms'))];
      const result = await produceKeyed(script, [{ key: 'k', items }, under('l', 'b')]);
      expect(result).toMatchObject({ waiting: 3, scheduled: 1 });
      expect(await script.queuedTexts()).toEqual(['now', 'soon', 'b']);
      const [later] = await script.scheduled();
      expect(later).toMatchObject({
        id: idsOf(result.groups[0])[1],
        enqueueAt: script.in('1h'),
        expireDeadline: addDuration(script.in('1h'), EXPIRE_TIMEOUT),
      });
      expect((await produceKeyed(script, [{ key: 'k', items }])).groups).toMatchObject([
        { state: 'duplicate', ids: idsOf(result.groups[0]) },
      ]);
    });

    // "The items of a key are stored as `produce` stores them"
    test.ifCapable(['dedup', 'metadata'], 'keeps the metadata of items', async (fixture) => {
      const script = fixture.script();
      const metadata = new Map([['traceparent', '00-4bf9']]);
      const items = [
        { ...newItem('a'), metadata },
        newItem('b'),
        { ...newItem('c', script.in('1h')), metadata },
      ];
      const ids = idsOf((await produceKeyed(script, [{ key: 'k', items }])).groups[0]);
      const leased = await script.store.lease({ limit: 5, leaseTimeout: LEASE_TIMEOUT, details: true });
      expect(leased.map(({ details }) => [details?.firstId, details?.metadata])).toEqual([
        [ids[0], metadata],
        [ids[1], new Map()],
      ]);
      expect(await produceUnder(script, 'k', 'x')).toEqual({ state: 'duplicate', ids });
    });

    // "then they are duplicates, whatever their content, and nothing of them is stored"
    test.ifCapable('dedup', 'answers a held key with the first ids, and stores nothing', async (fixture) => {
      const script = fixture.script();
      const first = await produceUnder(script, 'k', 'a', 'b');
      expect(await produceKeyed(script, [under('k', 'other', 'content')])).toEqual({
        waiting: 0,
        scheduled: 0,
        groups: [{ state: 'duplicate', ids: idsOf(first) }],
      });
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
    });

    // "`ids` are the ids that its items got then, however many they were"
    test.ifCapable(
      'dedup',
      'answers a held key with all first ids, for fewer and for more items',
      async (fixture) => {
        const script = fixture.script();
        const ids = idsOf(await produceUnder(script, 'k', 'a', 'b'));
        expect(await produceUnder(script, 'k', 'x')).toEqual({ state: 'duplicate', ids });
        expect(await produceUnder(script, 'k', 'x', 'y', 'z')).toEqual({ state: 'duplicate', ids });
        expect(await script.queuedTexts()).toEqual(['a', 'b']);
      },
    );

    // keys are compared as they are
    test.ifCapable('dedup', 'tells keys apart by every character', async (fixture) => {
      const script = fixture.script();
      const keys = [
        'k',
        'K',
        ' k',
        'k ',
        'ö',
        'o\u0308',
        'k'.repeat(256),
        'k'.repeat(255),
        "'",
        '\\',
        '%',
        '🐴',
      ];
      for (const key of keys) expect((await produceUnder(script, key, key)).state).toBe('stored');
      for (const key of keys) expect((await produceUnder(script, key, 'again')).state).toBe('duplicate');
      expect(await script.queuedTexts()).toEqual(keys);
    });

    // "The groups of one request"
    test.ifCapable('dedup', 'judges each key of a request by itself', async (fixture) => {
      const script = fixture.script();
      const held = idsOf(await produceUnder(script, 'held', 'first'));
      const result = await produceKeyed(script, [
        under('z', 'z1'),
        under('held', 'x'),
        under('a', 'a1', 'a2'),
      ]);
      expect(result).toMatchObject({
        waiting: 3,
        scheduled: 0,
        groups: [{ state: 'stored' }, { state: 'duplicate', ids: held }, { state: 'stored' }],
      });
      const stored = await script.queued();
      expect(textsOf(stored)).toEqual(['first', 'z1', 'a1', 'a2']);
      expect([...idsOf(result.groups[0]), ...idsOf(result.groups[2])]).toEqual(
        stored.slice(1).map(({ id }) => id),
      );
    });

    // `KeyedProduceRequest`: "A key may appear twice: the second is a duplicate"
    test.ifCapable('dedup', 'stores a key once that a request names twice', async (fixture) => {
      const script = fixture.script();
      const { groups, waiting } = await produceKeyed(script, [
        under('k', 'a'),
        under('other', 'b'),
        under('k', 'c'),
      ]);
      expect(waiting).toBe(2);
      expect(groups.map(({ state }) => state)).toEqual(['stored', 'stored', 'duplicate']);
      expect(idsOf(groups[2])).toEqual(idsOf(groups[0]));
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
    });

    // "If one of two requests of a batch names a key of the other, the first one stores"
    test.ifCapable('dedup', 'stores a key once that two requests of a batch name', async (fixture) => {
      const script = fixture.script();
      const [first, second, third] = await produceBatch(script, [
        [under('k', 'a', 'b')],
        [under('k', 'c', 'd')],
        [under('new', 'e'), under('k', 'f')],
      ]);
      expect(second).toEqual({
        waiting: 0,
        scheduled: 0,
        groups: [{ state: 'duplicate', ids: idsOf(first?.groups[0]) }],
      });
      expect(third).toMatchObject({ waiting: 1, groups: [{ state: 'stored' }, { state: 'duplicate' }] });
      expect(idsOf(third?.groups[1])).toEqual(idsOf(first?.groups[0]));
      expect(await script.queuedTexts()).toEqual(['a', 'b', 'e']);
    });

    // "A key lasts for the window of the request that stored it, from then on"
    test.ifCapable('dedup', 'forgets a key at the end of its window, to the microsecond', async (fixture) => {
      const script = fixture.script();
      const end = script.in('5m');
      const first = await produceUnder(script, 'k', 'a');
      await fixture.clock.advance(parseDuration('4m59.999999s'));
      expect(await produceUnder(script, 'k', 'b')).toEqual({ state: 'duplicate', ids: idsOf(first) });
      await fixture.clock.advance(parseDuration('0.000001s'));
      expect(fixture.clock.now()).toBe(end);
      const second = await produceUnder(script, 'k', 'c');
      expect(second.state).toBe('stored');
      expect(idsOf(second)).not.toEqual(idsOf(first));
      expect(await script.queuedTexts()).toEqual(['a', 'c']);
      // the new window begins now
      await fixture.clock.advance(parseDuration('4m59s'));
      expect(await produceUnder(script, 'k', 'd')).toEqual({ state: 'duplicate', ids: idsOf(second) });
    });

    // "A duplicate does not prolong it"
    test.ifCapable(
      'dedup',
      'counts the window from the first produce, whatever a duplicate asks',
      async (fixture) => {
        const script = fixture.script();
        await produceKeyed(script, [under('k', 'a')], parseDuration('1s'));
        const again = await produceKeyed(script, [under('k', 'b')], parseDuration('336h'));
        expect(again.groups).toMatchObject([{ state: 'duplicate' }]);
        await fixture.clock.advance(parseDuration('1s'));
        expect((await produceKeyed(script, [under('k', 'c')], parseDuration('336h'))).groups).toMatchObject([
          { state: 'stored' },
        ]);
        await fixture.clock.advance(parseDuration('335h'));
        expect((await produceUnder(script, 'k', 'd')).state).toBe('duplicate');
      },
    );

    // "A key lasts also if its items were leased, completed, cleared or died"
    test.ifCapable('dedup', 'keeps the keys of items that are gone', async (fixture) => {
      const script = fixture.script();
      const first = await produceBatch(
        script,
        numbered('k', 6).map((key) => [under(key, key)]),
      );
      const [completed, died, , , retried] = await script.lease(5);
      await script.complete(completed?.id as string);
      await script.retry({ id: died?.id as string, dead: true }, { id: retried?.id as string });
      await script.store.remove([died?.id as string]);
      await script.store.delete([(await script.queued()).at(-1)?.id as string]);
      await script.store.clear({ waiting: true, leased: true, scheduled: true });
      for (const [n, key] of numbered('k', 6).entries()) {
        expect(await produceUnder(script, key, 'again')).toEqual({
          state: 'duplicate',
          ids: idsOf(first[n]?.groups[0]),
        });
      }
      expect(await script.queued()).toEqual([]);
    });

    // `refuse`: "Nothing is stored, and only keys that the partition holds are answered"
    test.ifCapable(
      'dedup',
      'stores nothing while new keys are refused, and answers held ones',
      async (fixture) => {
        const script = fixture.script();
        const ids = idsOf(await produceUnder(script, 'held', 'a', 'b'));
        await produceKeyed(script, [under('ended', 'c')], parseDuration('1s'));
        await fixture.clock.advance(parseDuration('1s'));
        expect(
          await produceBatch(
            script,
            [[under('new', 'x'), under('held', 'y')], [under('ended', 'z')]],
            REFUSE,
          ),
        ).toEqual([
          { waiting: 0, scheduled: 0, groups: [{ state: 'refused' }, { state: 'duplicate', ids }] },
          { waiting: 0, scheduled: 0, groups: [{ state: 'refused' }] },
        ]);
        expect(await script.queuedTexts()).toEqual(['a', 'b', 'c']);
        expect((await produceUnder(script, 'new', 'x')).state).toBe('stored');
      },
    );

    // partitions are apart
    test.ifCapable('dedup', 'knows nothing of the keys of another partition', async (fixture) => {
      const queue = fixture.name();
      const scripts = [0, 1].map((partition) =>
        fixture.script(fixture.backend.partitionStore({ queue, partition })),
      );
      for (const script of scripts) expect((await produceUnder(script, 'k', 'a')).state).toBe('stored');
    });

    // a large request
    test.ifCapable('dedup', 'takes a thousand items under one key, and a thousand keys', async (fixture) => {
      const script = fixture.script();
      const texts = numbered('item', 1_000);
      const one = idsOf(await produceUnder(script, 'one', ...texts));
      expect(one).toEqual((await script.queued()).map(({ id }) => id));
      expect(await produceUnder(script, 'one', ...texts)).toEqual({ state: 'duplicate', ids: one });
      const many = await produceKeyed(
        script,
        texts.map((text) => under(text, text)),
      );
      expect(many.waiting).toBe(1_000);
      const again = await produceKeyed(
        script,
        texts.map((text) => under(text, text)),
      );
      expect(again.groups.map(idsOf)).toEqual(many.groups.map(idsOf));
      expect(again.waiting).toBe(0);
    });

    // "A fault of one request never throws", and a batch without requests is fine
    test.ifCapable('dedup', 'answers every request of a batch', async (fixture) => {
      const store = keyedStore(fixture.script());
      expect(await store.produceKeyed([], REFUSE)).toEqual([]);
      const requests = numbered('k', 3).map((key) => ({ groups: [under(key, key)], window: WINDOW }));
      const outcomes = await store.produceKeyed(requests, {
        expireTimeout: EXPIRE_TIMEOUT,
        newKeys: 'store',
      });
      expect(verdictsOf(outcomes)).toEqual(['ok', 'ok', 'ok']);
    });
  });
}
