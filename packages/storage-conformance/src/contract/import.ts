import { addDuration, instantFromMicroseconds, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, importedItem, numbered, textsOf } from '../fixture/content.ts';
import { EXPIRE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** 9999-12-31T23:59:59.999999Z, the last instant that the wire can represent. */
const LAST_INSTANT = instantFromMicroseconds(253_402_300_799_999_999n);

/** What `PartitionStore.import` promises. */
export function describeImport(test: StorageTest): void {
  describe('import', () => {
    // "Adds items in the given state, at the tail, with new ids and createdAt now"
    test('keeps every field except id and createdAt', async (fixture) => {
      const script = fixture.script();
      await script.produce('before');
      await fixture.clock.advance('10s');
      const item = importedItem('imported', {
        sourceId: 'source',
        isLeased: true,
        leaseDeadline: script.in('5m'),
        expireDeadline: script.in('7h'),
        attempts: 3,
        maxAttempts: 12,
      });
      const [stored] = await script.store.import([item], EXPIRE_TIMEOUT);
      expect(stored).toMatchObject({
        sourceId: 'source',
        isLeased: true,
        leaseDeadline: script.in('5m'),
        expireDeadline: script.in('7h'),
        attempts: 3,
        maxAttempts: 12,
        createdAt: fixture.clock.now(),
      });
      expect(stored && contentOf(stored)).toEqual(content('imported'));
      const listed = await script.queued();
      expect(textsOf(listed)).toEqual(['before', 'imported']);
      expect(listed[1]).toEqual(stored);
      expect(stored?.id).not.toBe('source');
    });

    // instants have microseconds, over the whole range of the wire
    test('keeps instants to the microsecond, to the end of the year 9999', async (fixture) => {
      const script = fixture.script();
      const instants = [
        LAST_INSTANT,
        instantFromMicroseconds(LAST_INSTANT - 1n),
        instantFromMicroseconds(4_102_444_800_123_457n),
        addDuration(fixture.clock.now(), parseDuration('1h0m0.000001s')),
      ];
      const items = instants.map((instant, index) =>
        importedItem(`${index}`, { isLeased: true, leaseDeadline: instant, expireDeadline: instant }),
      );
      await script.store.import(items, EXPIRE_TIMEOUT);
      const stored = await script.queued();
      expect(stored.map((item) => item.leaseDeadline)).toEqual(instants);
      expect(stored.map((item) => item.expireDeadline)).toEqual(instants);
      await script.store.import([importedItem('scheduled', { enqueueAt: LAST_INSTANT })], EXPIRE_TIMEOUT);
      expect((await script.scheduled())[0]?.enqueueAt).toBe(LAST_INSTANT);
      expect((await script.sweep()).requeued).toBe(0);
    });

    // `ImportedItem.expireDeadline` undefined: "the time of the import plus the queue's expire timeout"
    test('gives an item without expireDeadline the expire timeout', async (fixture) => {
      const script = fixture.script();
      const [stored] = await script.store.import([importedItem('a')], parseDuration('3h0m0.000001s'));
      expect(stored?.expireDeadline).toBe(script.in('3h0m0.000001s'));
      expect(stored?.isLeased).toBe(false);
      expect(stored?.leaseDeadline).toBeUndefined();
      expect(stored?.enqueueAt).toBeUndefined();
      expect(stored?.sourceId).toBeUndefined();
    });

    // "Keeps the `leaseDeadline` of an item that is not leased. It is listed until the item is leased"
    test('keeps the leaseDeadline of an item that is not leased', async (fixture) => {
      const script = fixture.script();
      const times = [script.in('-1h'), script.in('5m'), LAST_INSTANT];
      const items = times.map((leaseDeadline, n) => importedItem(`${n}`, { leaseDeadline }));
      const later = { enqueueAt: script.in('1h'), leaseDeadline: script.in('7m') };
      const stored = await script.store.import([...items, importedItem('later', later)], EXPIRE_TIMEOUT);
      expect(stored.map((item) => item?.leaseDeadline)).toEqual([...times, later.leaseDeadline]);
      expect((await script.queued()).map(({ leaseDeadline }) => leaseDeadline)).toEqual(times);
      expect(await script.scheduled()).toMatchObject([later]);
    });

    // "has no effect"
    test('ignores the leaseDeadline of an item that is not leased', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { leaseDeadline: script.in('-1h') });
      expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      expect((await script.sweep()).nextDueMs).toBeGreaterThan(3_600_000);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 0, averageLeaseLeft: 0n });
      const [leased] = await script.lease();
      expect(leased?.leaseDeadline).toBe(script.in('1m'));
      expect(await script.queued()).toMatchObject([{ isLeased: true, leaseDeadline: script.in('1m') }]);
    });

    // "until the item is leased or gets a new id"
    test('forgets the leaseDeadline when the item is leased or comes due', async (fixture) => {
      const script = fixture.script();
      const leaseDeadline = script.in('5m');
      await script.import('a', { leaseDeadline });
      await script.store.release([await script.leaseOne()]);
      await script.import('later', { leaseDeadline, enqueueAt: script.in('1m') });
      await fixture.clock.advance('2m');
      await script.sweep();
      const items = await script.queued();
      expect(textsOf(items)).toEqual(['a', 'later']);
      expect(items.map((item) => item.leaseDeadline)).toEqual([undefined, undefined]);
    });

    // "Stores an item with `enqueueAt` as scheduled, due or not"
    test('stores items with enqueueAt as scheduled, due or not', async (fixture) => {
      const script = fixture.script();
      const times = [script.in('-1h'), fixture.clock.now(), script.in('1us'), script.in('1h')];
      const stored = await script.store.import(
        times.map((enqueueAt, index) => importedItem(`${index}`, { enqueueAt })),
        EXPIRE_TIMEOUT,
      );
      expect(stored.map((item) => item?.enqueueAt)).toEqual(times);
      expect(await script.queued()).toEqual([]);
      expect((await script.scheduled()).map((item) => item.enqueueAt)).toEqual(times);
      expect(await script.lease()).toEqual([]);
    });

    // imported items follow the same rules: waiting ones are leased, leases end
    test('adds items that behave like produced ones', async (fixture) => {
      const script = fixture.script();
      await script.import('leased', { isLeased: true, leaseDeadline: script.in('1m'), attempts: 1 });
      await script.import('waiting', { attempts: 5 });
      await script.import('scheduled', { enqueueAt: script.in('1m'), attempts: 7 });
      const [waiting] = await script.lease();
      expect(waiting && textsOf([waiting])).toEqual(['waiting']);
      expect(waiting?.attempts).toBe(6);
      await script.complete(waiting?.id ?? '');
      await fixture.clock.advance('61s');
      expect(await script.sweep()).toMatchObject({ requeued: 1, enqueued: 1 });
      const attempts = (await script.lease()).map((item) => item.attempts);
      expect([...attempts].sort()).toEqual([2, 8]);
    });

    // an imported lease can be completed by the returned id
    test('adds leased items that can be completed', async (fixture) => {
      const script = fixture.script();
      const stored = await script.import('a', { isLeased: true, leaseDeadline: script.in('1m') });
      await script.complete(stored?.id ?? '');
      expect(await script.queued()).toEqual([]);
    });

    // "Leaves out an item whose source id the partition already has", "undefined for those left out"
    test('leaves out items whose source id exists, in whatever state', async (fixture) => {
      const script = fixture.script();
      await script.import('waiting', { sourceId: 's1' });
      await script.import('leased', { sourceId: 's2', isLeased: true, leaseDeadline: script.in('1h') });
      await script.import('scheduled', { sourceId: 's3', enqueueAt: script.in('1h') });
      const items = ['s1', 'new', 's2', 's3'].map((sourceId) =>
        importedItem(`again ${sourceId}`, { sourceId }),
      );
      const stored = await script.store.import(items, EXPIRE_TIMEOUT);
      expect(stored.map((item) => item?.sourceId)).toEqual([undefined, 'new', undefined, undefined]);
      expect(await script.queuedTexts()).toEqual(['waiting', 'leased', 'again new']);
    });

    // within one call, the first item is stored
    test('leaves out later items of the same call with the same source id', async (fixture) => {
      const script = fixture.script();
      const items = ['a', 'b', 'a', 'b', 'a'].map((sourceId, index) =>
        importedItem(`${sourceId}${index}`, { sourceId }),
      );
      const stored = await script.store.import(items, EXPIRE_TIMEOUT);
      expect(stored.map((item) => item && textsOf([item])[0])).toEqual([
        'a0',
        'b1',
        undefined,
        undefined,
        undefined,
      ]);
      expect(await script.queuedTexts()).toEqual(['a0', 'b1']);
    });

    // items without a source id never conflict
    test('stores any number of items without a source id', async (fixture) => {
      const script = fixture.script();
      const stored = await script.store.import([importedItem('a'), importedItem('a')], EXPIRE_TIMEOUT);
      expect(stored.map((item) => item !== undefined)).toEqual([true, true]);
    });

    // "unique in a partition", not beyond it
    test('accepts the same source id in another partition', async (fixture) => {
      const [here, there] = [fixture.script(), fixture.script()];
      await here.import('a', { sourceId: 'source' });
      expect(await there.import('a', { sourceId: 'source' })).toBeDefined();
    });

    // "an item whose source id the partition already has": also with concurrent callers
    test('stores a source id once among concurrent imports', async (fixture) => {
      const script = fixture.script();
      const calls = Array.from({ length: 8 }, () =>
        script.store.import(
          [importedItem('a', { sourceId: 'x' }), importedItem('b', { sourceId: 'y' })],
          EXPIRE_TIMEOUT,
        ),
      );
      const stored = (await Promise.all(calls)).flat().filter((item) => item !== undefined);
      expect(textsOf(stored).sort()).toEqual(['a', 'b']);
      expect((await script.queuedTexts()).sort()).toEqual(['a', 'b']);
    });

    // "frees their source ids": every way to remove an item does
    test('accepts a source id again after delete, clear and drop', async (fixture) => {
      const script = fixture.script();
      const stored = await script.import('first', { sourceId: 'source' });
      await script.store.delete([stored?.id ?? '']);
      expect(await script.import('second', { sourceId: 'source' })).toBeDefined();
      await script.store.clear({ waiting: true, leased: false, scheduled: false });
      expect(await script.import('third', { sourceId: 'source' })).toBeDefined();
      await script.store.drop();
      expect(await script.import('fourth', { sourceId: 'source' })).toBeDefined();
      expect(await script.queuedTexts()).toEqual(['fourth']);
    });

    // "in request order", with many items; an empty call succeeds
    test('imports 5,000 items in order, and an empty list', async (fixture) => {
      const script = fixture.script();
      expect(await script.store.import([], EXPIRE_TIMEOUT)).toEqual([]);
      const texts = numbered('item', 5_000);
      const items = texts.map((text, index) =>
        index % 2 === 0 ? importedItem(text, { sourceId: text }) : importedItem(text),
      );
      const stored = await script.store.import(items, EXPIRE_TIMEOUT);
      expect(stored.map((item) => item && textsOf([item])[0])).toEqual(texts);
      expect(await script.queuedTexts()).toEqual(texts);
    });
  });
}
