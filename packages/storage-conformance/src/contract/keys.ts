import { parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { numbered, textsOf } from '../fixture/content.ts';
import { idsOf, keyedStore, produceKeyed, produceUnder, under } from '../fixture/keyed-produce.ts';
import type { PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore` promises of dedup keys beyond a single produce. */
export function describeKeys(test: StorageTest): void {
  describe('dedup keys', () => {
    // "Of concurrent calls with the same new key, in any process, one stores its items"
    test.ifCapable('dedup', 'are stored once by several callers at the same time', async (fixture) => {
      const scripts = await fixture.callers();
      const keys = numbered('k', 15);
      const results = await Promise.all(
        [...scripts, ...scripts].flatMap((script, caller) =>
          keys.map(async (key) => ({ key, ...(await produceUnder(script, key, `${key} ${caller}`)) })),
        ),
      );
      const stored = results.filter(({ state }) => state === 'stored');
      expect(stored.map(({ key }) => key).sort()).toEqual([...keys].sort());
      for (const result of results) {
        expect(idsOf(result)).toEqual(idsOf(stored.find(({ key }) => key === result.key)));
      }
      expect(await scripts[0]?.queued()).toHaveLength(keys.length);
    });

    // requests whose keys overlap in different orders must not block each other for good
    test.ifCapable('dedup', 'may be named in any order by concurrent requests', async (fixture) => {
      const scripts = await fixture.callers();
      const keys = numbered('k', 8);
      const groups = keys.map((key) => under(key, key));
      const orders = [groups, [...groups].reverse(), [...groups.slice(4), ...groups.slice(0, 4)]];
      const results = await Promise.all(
        numbered('', 18).map((_, n) =>
          produceKeyed(scripts[n % scripts.length] as PartitionScript, orders[n % 3] ?? []),
        ),
      );
      expect(results.reduce((sum, { waiting }) => sum + waiting, 0)).toBe(keys.length);
      expect(textsOf((await scripts[0]?.queued()) ?? []).sort()).toEqual(keys);
    });

    // "Removes keys whose window has ended, the oldest first, at most `limit`"
    test.ifCapable('dedup', 'are removed after their end, the oldest first', async (fixture) => {
      const script = fixture.script();
      const store = keyedStore(script);
      expect(await store.sweepKeys(10)).toEqual({ removed: 0, nextEndMs: undefined });
      await produceKeyed(script, [under('b', 'b'), under('c', 'c')], parseDuration('2s'));
      await produceKeyed(script, [under('a', 'a')], parseDuration('1s'));
      await produceKeyed(script, [under('d', 'd')], parseDuration('1h'));
      expect(await store.sweepKeys(10)).toEqual({ removed: 0, nextEndMs: 1_000 });
      expect(await store.countKeys()).toBe(4);
      await fixture.clock.advance(parseDuration('2s'));
      expect(await store.sweepKeys(2)).toEqual({ removed: 2, nextEndMs: 0 });
      expect(await store.sweepKeys(2)).toEqual({ removed: 1, nextEndMs: 3_598_000 });
      expect(await store.countKeys()).toBe(1);
      await fixture.clock.advance(parseDuration('1h'));
      expect(await store.sweepKeys(2)).toEqual({ removed: 1, nextEndMs: undefined });
      expect(await store.countKeys()).toBe(0);
      expect(await script.queued()).toHaveLength(4);
    });

    // "Nothing depends on when it is called"
    test.ifCapable('dedup', 'count anew if they are stored again before their removal', async (fixture) => {
      const script = fixture.script();
      const store = keyedStore(script);
      await produceKeyed(script, [under('k', 'a')], parseDuration('1s'));
      await fixture.clock.advance(parseDuration('2s'));
      const second = (await produceKeyed(script, [under('k', 'b')], parseDuration('10s'))).groups[0];
      expect(await store.sweepKeys(10)).toEqual({ removed: 0, nextEndMs: 10_000 });
      expect(await store.countKeys()).toBe(1);
      expect(await produceUnder(script, 'k', 'c')).toEqual({ state: 'duplicate', ids: idsOf(second) });
    });

    // `drop`: "Removes the partition with all its items and dedup keys"
    test.ifCapable('dedup', 'end with their partition', async (fixture) => {
      const script = fixture.script();
      await produceUnder(script, 'k', 'a');
      await script.store.drop();
      expect(await keyedStore(script).countKeys()).toBe(0);
      expect((await produceUnder(script, 'k', 'b')).state).toBe('stored');
      expect(await script.queuedTexts()).toEqual(['b']);
    });

    // `durable`, for keys too
    test.ifCapable(['durable', 'dedup'], 'outlive the process', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const first = await produceUnder(fixture.script(fixture.backend.partitionStore(key)), 'k', 'a');
      await fixture.backend.close();
      const reopened = fixture.script((await fixture.open()).partitionStore(key));
      expect(await produceUnder(reopened, 'k', 'b')).toEqual({ state: 'duplicate', ids: idsOf(first) });
    });

    // "Undefined if the driver does not claim `dedup`"
    test('are served exactly by drivers that claim it', async (fixture) => {
      const {
        produceKeyed: produce,
        importKeyed,
        sweepKeys,
        countKeys,
        readKeys,
        storeKeys,
      } = fixture.partition();
      const all = [produce, importKeyed, sweepKeys, countKeys, readKeys, storeKeys];
      const methods = all.map((method) => method !== undefined);
      expect(methods).toEqual(Array.from(methods, () => fixture.backend.capabilities.dedup === true));
    });
  });
}
