import { addDuration, type ImportedItem, type KeyedImportResult, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { importedItem, numbered, textsOf } from '../fixture/content.ts';
import { idsOf, keyedStore, produceUnder, WINDOW } from '../fixture/keyed-produce.ts';
import { EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { findAll } from './find.ts';

/** Imports groups of items, which must succeed. */
function importKeyed(
  script: PartitionScript,
  groups: Readonly<Record<string, readonly ImportedItem[]>>,
  window = WINDOW,
): Promise<readonly KeyedImportResult[]> {
  const given = Object.entries(groups).map(([key, items]) => ({ key, items }));
  return keyedStore(script).importKeyed({ groups: given, window, expireTimeout: EXPIRE_TIMEOUT });
}

/** The texts of the items of each group. `-`: left out. */
function told(results: readonly KeyedImportResult[]): readonly string[] {
  return results.map((items) => items.map((item) => (item === undefined ? '-' : textsOf([item])[0])).join());
}

/** What `PartitionStore.importKeyed` promises. */
export function describeKeyedImport(test: StorageTest): void {
  describe('importKeyed', () => {
    // "The items of a key are stored as `import` stores them"
    test.ifCapable('dedup', 'stores items in their states, in order', async (fixture) => {
      const script = fixture.script();
      await script.produce('before');
      const later = { enqueueAt: script.in('1h'), expireDeadline: script.in('2h') };
      const leased = { isLeased: true, leaseDeadline: script.in('5m'), attempts: 3, maxAttempts: 9 };
      const results = await importKeyed(script, {
        z: [importedItem('waiting', { attempts: 2 }), importedItem('later', later)],
        a: [importedItem('leased', leased)],
      });
      expect(told(results)).toEqual(['waiting,later', 'leased']);
      const queued = await script.queued();
      expect(textsOf(queued)).toEqual(['before', 'waiting', 'leased']);
      expect(queued.slice(1)).toEqual([results[0]?.[0], results[1]?.[0]]);
      expect(queued[1]).toMatchObject({
        attempts: 2,
        expireDeadline: addDuration(fixture.clock.now(), EXPIRE_TIMEOUT),
      });
      expect(queued[2]).toMatchObject(leased);
      expect(await script.scheduled()).toEqual([results[0]?.[1]]);
      expect(results[0]?.[1]).toMatchObject(later);
    });

    // "unless the partition holds the key: then all of them are left out"
    test.ifCapable('dedup', 'leaves out the items of keys that it holds', async (fixture) => {
      const script = fixture.script();
      await importKeyed(script, { k: [importedItem('a'), importedItem('b')] });
      const results = await importKeyed(script, {
        n: [importedItem('new')],
        k: [importedItem('c'), importedItem('d'), importedItem('e')],
        o: [importedItem('other')],
      });
      expect(told(results)).toEqual(['new', '-,-,-', 'other']);
      expect(await script.queuedTexts()).toEqual(['a', 'b', 'new', 'other']);
    });

    // "A key lasts also if its items were leased, completed, cleared or died"
    test.ifCapable(
      'dedup',
      'remembers keys whose items are gone, to the end of the window',
      async (fixture) => {
        const script = fixture.script();
        await importKeyed(script, { k: [importedItem('a')] }, parseDuration('1m'));
        await script.complete(await script.leaseOne());
        const again = () => importKeyed(script, { k: [importedItem('again')] }, parseDuration('1h'));
        expect(told(await again())).toEqual(['-']);
        await fixture.clock.advance('59s');
        expect(told(await again())).toEqual(['-']);
        await fixture.clock.advance('1s');
        expect(told(await again())).toEqual(['again']);
        expect(await keyedStore(script).countKeys()).toBe(1);
      },
    );

    // "The keys are those of `produceKeyed`"
    test.ifCapable('dedup', 'shares its keys with keyed produces', async (fixture) => {
      const script = fixture.script();
      const [stored] = await importKeyed(script, { k: [importedItem('a'), importedItem('b')] });
      const ids = stored?.map((item) => item?.id);
      expect(await produceUnder(script, 'k', 'c')).toEqual({ state: 'duplicate', ids });
      await produceUnder(script, 'l', 'd');
      expect(told(await importKeyed(script, { l: [importedItem('e')] }))).toEqual(['-']);
      expect(idsOf(await produceUnder(script, 'k', 'c'))).toEqual(ids);
    });

    // "Leaves out an item whose source id the partition already has", under a new key too
    test.ifCapable('dedup', 'leaves out items whose source id exists', async (fixture) => {
      const script = fixture.script();
      await script.import('here', { sourceId: 's' });
      const results = await importKeyed(script, {
        k: [importedItem('a'), importedItem('b', { sourceId: 's' }), importedItem('c')],
        l: [importedItem('d', { sourceId: 't' })],
        m: [importedItem('e', { sourceId: 't' })],
      });
      expect(told(results)).toEqual(['a,-,c', 'd', '-']);
      expect(await script.queuedTexts()).toEqual(['here', 'a', 'c', 'd']);
    });

    // "The items of a key are stored as `import` stores them", with their details
    test.ifCapable(['dedup', 'metadata', 'find'], 'keeps the details of items', async (fixture) => {
      const script = fixture.script();
      const details = { firstId: '0'.repeat(27), metadata: new Map([['tenant', 'blue']]), error: 'late' };
      await importKeyed(script, { k: [importedItem('a', { details }), importedItem('b')] });
      const found = await findAll(script, {});
      expect(found.map((item) => item.details)).toMatchObject([details, { metadata: new Map() }]);
    });

    // "Of concurrent calls with the same new key, in any process, one stores its items"
    test.ifCapable('dedup', 'stores the items of a key once among concurrent imports', async (fixture) => {
      const scripts = await fixture.callers();
      const keys = numbered('k', 12);
      const results = await Promise.all(
        [...scripts, ...scripts].map((script, caller) => {
          const order = caller % 2 === 0 ? keys : keys.toReversed();
          const groups = order.map((key) => [key, [importedItem(key), importedItem(key)]]);
          return importKeyed(script, Object.fromEntries(groups));
        }),
      );
      const stored = results.flat(2).flatMap((item) => (item === undefined ? [] : textsOf([item])));
      expect(stored.sort()).toEqual([...keys, ...keys].sort());
      expect((await scripts[0]?.queuedTexts())?.toSorted()).toEqual(stored);
    });

    // "All groups are stored, or none", with as many items as the engine passes
    test.ifCapable(
      'dedup',
      'imports 10,000 items in order, with a key each and with one',
      async (fixture) => {
        const script = fixture.script();
        const texts = numbered('item', 10_000);
        const each = Object.fromEntries(texts.map((text) => [`${text} key`, [importedItem(text)]]));
        expect(told(await importKeyed(script, each))).toEqual(texts);
        expect(told(await importKeyed(script, { all: texts.map((text) => importedItem(text)) }))).toEqual([
          texts.join(),
        ]);
        expect(await script.queuedTexts()).toEqual([...texts, ...texts]);
        expect(await importKeyed(script, {})).toEqual([]);
      },
    );
  });
}
