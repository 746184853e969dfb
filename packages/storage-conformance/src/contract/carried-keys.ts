import { addDuration, type CarriedKey, formatItemId, KEYS_PAGE_IDS, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { idsOf, keyedStore, produceKeyed, produceUnder, under } from '../fixture/keyed-produce.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore` promises of dedup keys that are read here and stored there. */
export function describeCarriedKeys(test: StorageTest): void {
  describe('carried dedup keys', () => {
    // "Reads keys whose window has not ended, in byte order"
    test.ifCapable(
      'dedup',
      'are read in byte order, with their ids and ends, page by page',
      async (fixture) => {
        const script = fixture.script();
        expect(await keyedStore(script).readKeys({ after: undefined, limit: 5 })).toEqual({ keys: [] });
        const names = ['b', 'B', 'a', '\u{1f600}', 'ä', 'aa', '\uffee'];
        const { groups } = await produceKeyed(
          script,
          names.map((name) => under(name, `${name} 1`, `${name} 2`)),
          parseDuration('1h'),
        );
        await produceKeyed(script, [under('ended', 'x')], parseDuration('1s'));
        await fixture.clock.advance(parseDuration('2s'));
        const endsAt = addDuration(fixture.clock.now(), parseDuration('3598s'));
        const expected = names.map((key, n) => ({ key, ids: idsOf(groups[n]), endsAt }));
        expected.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
        for (const limit of [1, 2, 8, 100]) expect(await allKeys(script, limit)).toEqual(expected);
      },
    );

    // "after the key that takes it to `KEYS_PAGE_IDS` ids"
    test.ifCapable('dedup', 'end a page when they have many ids', async (fixture) => {
      const script = fixture.script();
      const ends = addDuration(fixture.clock.now(), parseDuration('1h'));
      const keys = ['a', 'b', 'c'].map((key) => keyOf(key, KEYS_PAGE_IDS / 2, ends));
      expect(await keyedStore(script).storeKeys(keys)).toBe(3);
      const page = await keyedStore(script).readKeys({ after: undefined, limit: 10 });
      expect(page.keys.map(({ key }) => key)).toEqual(['a', 'b']);
      expect(page.next).toBe('b');
      expect(await allKeys(script, 10)).toEqual(keys);
    });

    // "with the ids that their items got there"
    test.ifCapable('dedup', 'answer the ids of the storage that they come from', async (fixture) => {
      const [from, to] = [fixture.script(), fixture.script()];
      const first = await produceUnder(from, 'k', 'a', 'b');
      expect(await keyedStore(to).storeKeys(await allKeys(from, 10))).toBe(1);
      expect(await produceUnder(to, 'k', 'c')).toEqual({ state: 'duplicate', ids: idsOf(first) });
      expect(await to.queued()).toEqual([]);
      expect(await keyedStore(to).countKeys()).toBe(1);
      await fixture.clock.advance(parseDuration('5m'));
      expect((await produceUnder(to, 'k', 'd')).state).toBe('stored');
    });

    // "A key that the partition holds stays as it is, and one that has ended is left out."
    test.ifCapable(
      'dedup',
      'neither replace what is held, nor bring back what has ended',
      async (fixture) => {
        const script = fixture.script();
        const store = keyedStore(script);
        const held = await produceUnder(script, 'held', 'a');
        await produceKeyed(script, [under('past', 'b')], parseDuration('1s'));
        await fixture.clock.advance(parseDuration('2s'));
        const now = fixture.clock.now();
        const later = addDuration(now, parseDuration('1h'));
        const keys = [
          keyOf('held', 1, later),
          keyOf('past', 1, later),
          keyOf('new', 2, later),
          keyOf('old', 1, now),
        ];
        expect(await store.storeKeys(keys)).toBe(2);
        expect(await store.storeKeys(keys)).toBe(0);
        const found = new Map((await allKeys(script, 10)).map((each) => [each.key, each]));
        expect([...found.keys()]).toEqual(['held', 'new', 'past']);
        expect(found.get('held')?.ids).toEqual(idsOf(held));
        expect(found.get('past')).toEqual(keys[1]);
        expect(found.get('new')).toEqual(keys[2]);
        await fixture.clock.advance(parseDuration('2h'));
        expect(await store.sweepKeys(10)).toMatchObject({ removed: 3 });
      },
    );

    // "All others are stored, or none", in whatever order concurrent calls name them
    test.ifCapable('dedup', 'are stored once by several callers at the same time', async (fixture) => {
      const scripts = await fixture.callers();
      const later = addDuration(fixture.clock.now(), parseDuration('1h'));
      const keys = Array.from({ length: 20 }, (_, n) => keyOf(`k${n}`, 1, later));
      const counts = await Promise.all(
        scripts.flatMap((script) => [
          keyedStore(script).storeKeys(keys),
          keyedStore(script).storeKeys(keys.toReversed()),
        ]),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(keys.length);
    });

    // `durable`, for keys too
    test.ifCapable(['durable', 'dedup'], 'outlive the process', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const stored = keyOf('k', 1, addDuration(fixture.clock.now(), parseDuration('1h')));
      await keyedStore(fixture.script(fixture.backend.partitionStore(key))).storeKeys([stored]);
      await fixture.backend.close();
      const reopened = fixture.script((await fixture.open()).partitionStore(key));
      expect(await produceUnder(reopened, 'k', 'b')).toEqual({ state: 'duplicate', ids: stored.ids });
    });
  });
}

/** A key with so many ids. */
function keyOf(key: string, ids: number, endsAt: CarriedKey['endsAt']): CarriedKey {
  const idAt = (n: number) => formatItemId(77n + BigInt(n), String(n).padStart(10, 'z'));
  return { key, ids: Array.from({ length: ids }, (_, n) => idAt(n)), endsAt };
}

async function allKeys(script: PartitionScript, limit: number): Promise<readonly CarriedKey[]> {
  const all: CarriedKey[] = [];
  let after: string | undefined;
  do {
    const page = await keyedStore(script).readKeys({ after, limit });
    all.push(...page.keys);
    after = page.next;
  } while (after !== undefined);
  return all;
}
