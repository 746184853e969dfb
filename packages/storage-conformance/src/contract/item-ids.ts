import { itemIdFault } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What core's `ItemId` promises about the ids of a driver. */
export function describeItemIds(test: StorageTest): void {
  describe('item ids', () => {
    // "The text is a valid KSUID", 27 characters of 0-9A-Za-z, with a random end
    test('have the format of a KSUID and an unguessable end', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 100));
      const ids = (await script.queued()).map((item) => item.id);
      for (const id of ids) {
        expect(id).toMatch(/^[0-9A-Za-z]{27}$/);
        expect(itemIdFault(id)).toBeUndefined();
      }
      expect(new Set(ids.map((id) => id.slice(-10))).size).toBe(100);
    });

    // "An item gets a new id each time it returns to the tail of the queue; the old id is never valid again"
    test('always grow, whatever puts an item into the queue, and are never used again', async (fixture) => {
      const script = fixture.script();
      const seen: string[] = [];
      const note = async () => {
        const shown = [await script.queued(), await script.scheduled(), await script.prepared()].flat();
        const ids = shown.map((item) => item.id).sort();
        const fresh = ids.filter((id) => !seen.includes(id));
        const greatest = seen.at(-1) ?? '';
        for (const id of fresh) expect(id > greatest, `the new id ${id} follows ${greatest}`).toBe(true);
        expect(fresh.length).toBeGreaterThan(0);
        seen.push(...fresh);
      };
      await script.produce('produced');
      await note();
      await script.produceItems([newItem('scheduled', script.in('1m'))]);
      await note();
      await script.import('imported');
      await note();
      await script.retry({ id: await script.leaseOne() });
      await note();
      await script.lease();
      await fixture.clock.advance('61s');
      await script.sweep();
      await note();
      await script.prepare('prepared');
      await note();
      await script.store.commitLetters(['prepared']);
      await note();
      await script.store.clear({ waiting: true, leased: true, scheduled: true });
      await script.produce('after the clear');
      await note();
      await script.store.drop();
      await script.produce('after the drop');
      expect(seen).not.toContain((await script.queued())[0]?.id);
    });

    // unique in the whole backend, because knowing an id proves a lease
    test('are unique among partitions', async (fixture) => {
      const scripts = [fixture.script(), fixture.script(), fixture.script()];
      await Promise.all(scripts.map((script) => script.produce(...numbered('item', 50))));
      const ids = (await Promise.all(scripts.map((script) => script.queued()))).flat().map((item) => item.id);
      expect(new Set(ids).size).toBe(150);
    });

    // the same, with concurrent requests
    test('are unique and in order under concurrent produces', async (fixture) => {
      const script = fixture.script();
      await Promise.all(numbered('r', 40).map((text) => script.produce(...numbered(`${text}-`, 5))));
      const ids = (await script.queued()).map((item) => item.id);
      expect(new Set(ids).size).toBe(200);
      expect(ids).toEqual([...ids].sort());
    });
  });
}
