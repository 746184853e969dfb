import { describe, expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.probe` promises. */
export function describeProbe(test: StorageTest): void {
  describe('probe', () => {
    // "the partition exists or is created now"
    test('succeeds for a partition that was never used', async (fixture) => {
      const script = fixture.script();
      await script.store.probe();
      expect(await script.queued()).toEqual([]);
      await script.produce('a');
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // the same after a drop of the partition
    test('succeeds for a partition that was dropped', async (fixture) => {
      const script = fixture.script();
      await script.produce('old');
      await script.store.drop();
      await script.store.probe();
      expect(await script.queued()).toEqual([]);
      await script.produce('new');
      expect(await script.queuedTexts()).toEqual(['new']);
    });

    // "Changes no item" in any state, due or not
    test('changes no item', async (fixture) => {
      const script = fixture.script();
      await script.addMoved('moved');
      await script.addMoving('moving');
      await script.prepare('prepared');
      await script.produce('leased', 'waiting');
      await script.produceItems([newItem('scheduled', script.in('1m'))]);
      await script.lease(1);
      const state = async () => [
        ...[await script.queued(), await script.scheduled(), await script.prepared()],
        await script.store.stats(),
      ];
      const before = await state();
      await script.store.probe();
      expect(await state()).toEqual(before);
      await fixture.clock.advance('48h');
      const later = await state();
      await script.store.probe();
      expect(await state()).toEqual(later);
    });

    // "Calls may run concurrently", also with other calls
    test('succeeds while other callers produce, lease and sweep', async (fixture) => {
      const [one, other] = await fixture.callers();
      if (one === undefined || other === undefined) throw new Error('there are two callers at least');
      await one.produce('a');
      await Promise.all([
        ...Array.from({ length: 5 }, () => other.store.probe()),
        ...Array.from({ length: 5 }, (_, n) => one.produce(`b${n}`)),
        one.lease(1),
        one.sweep(),
        other.store.probe(),
      ]);
      expect(await other.queued()).toHaveLength(6);
    });
  });
}
