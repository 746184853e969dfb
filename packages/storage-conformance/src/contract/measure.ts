import { contentBytes, type PartitionSize } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, numbered } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const NOTHING: PartitionSize = { items: 0, bytes: 0 };

/** The size of items with these ASCII texts. */
function sizeOf(...texts: string[]): PartitionSize {
  const bytes = texts.map((text) => {
    const { payload, ...words } = content(text);
    const characters = Object.values(words).reduce((sum, word) => sum + word.length, 0);
    return payload.length + characters;
  });
  return { items: texts.length, bytes: bytes.reduce((sum, each) => sum + each, 0) };
}

/** What `StorageBackend.measure` promises. */
export function describeMeasure(test: StorageTest): void {
  describe('measure', () => {
    // "Items in every state", "prepared letters included"; "Bytes of their payloads and texts"
    test('adds up items of every state', async (fixture) => {
      const key = { queue: fixture.name(), partition: 3 };
      const script = fixture.script(fixture.backend.partitionStore(key));
      await script.addMoving('moving');
      await script.addMoved('moved');
      await script.produce('leased');
      await script.lease();
      await script.produce('waiting', 'w'.repeat(3_000));
      await script.produceItems([{ ...content('scheduled'), enqueueAt: script.in('1h') }]);
      await script.prepare('letter');
      const all = ['moving', 'moved', 'leased', 'waiting', 'w'.repeat(3_000), 'scheduled', 'letter'];
      expect(await fixture.backend.measure([key])).toEqual([sizeOf(...all)]);
    });

    // what was removed takes no room
    test('follows what comes and goes', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const script = fixture.script(fixture.backend.partitionStore(key));
      await script.produce(...numbered('i', 2_000));
      expect(await fixture.backend.measure([key])).toEqual([sizeOf(...numbered('i', 2_000))]);
      await script.complete(...(await script.lease(1_500)).map(({ id }) => id));
      expect(await fixture.backend.measure([key])).toEqual([sizeOf(...numbered('i', 2_000).slice(1_500))]);
      await script.retry({ id: await script.leaseOne() });
      await script.store.clear({ waiting: true, leased: true, scheduled: true });
      expect(await fixture.backend.measure([key])).toEqual([NOTHING]);
    });

    // "one size per key, in order"; "a partition that was never used is empty"
    test('measures many partitions, and those that were never used', async (fixture) => {
      const queue = fixture.name();
      const keys = Array.from({ length: 50 }, (_, partition) => ({ queue, partition }));
      for (const partition of [3, 20, 49]) {
        const texts = numbered('i', partition);
        await fixture.script(fixture.backend.partitionStore({ queue, partition })).produce(...texts);
      }
      const sizes = await fixture.backend.measure(keys);
      expect(sizes).toEqual(
        keys.map(({ partition }) =>
          [3, 20, 49].includes(partition) ? sizeOf(...numbered('i', partition)) : NOTHING,
        ),
      );
      expect(await fixture.backend.measure([])).toEqual([]);
    });

    // bytes of other encodings of the same text are fine
    test('bounds the bytes of texts beyond ASCII', async (fixture) => {
      const key = { queue: fixture.name(), partition: 0 };
      const script = fixture.script(fixture.backend.partitionStore(key));
      const item = content('\u00e9\u20ac\u{1f600}');
      await script.produceItems([item]);
      const [size = NOTHING] = await fixture.backend.measure([key]);
      expect(size.bytes).toBeGreaterThan(item.payload.length);
      expect(size.bytes).toBeLessThanOrEqual(contentBytes(item));
    });

    // `StorageBackend.close`: "Later calls fail" with a rejected StorageError
    test('fails after the backend was closed', async (fixture) => {
      await fixture.backend.close();
      const measuring = fixture.backend.measure([{ queue: fixture.name(), partition: 0 }]);
      await expect(measuring).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    });
  });
}
