import type { SeenItem } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.delete`, `clear`, `remove` and `drop` promise. */
export function describeDelete(test: StorageTest): void {
  describe('delete', () => {
    // "Removes items in any state"
    test('removes items in any state', async (fixture) => {
      const script = fixture.script();
      const moving = await script.addMoving('moving');
      await script.produce('leased', 'waiting', 'kept');
      const leased = await script.leaseOne();
      await script.produceItems([
        newItem('scheduled', script.in('1h')),
        newItem('kept scheduled', script.in('1h')),
      ]);
      const waiting = (await script.queued()).find((item) => textsOf([item])[0] === 'waiting')?.id as string;
      const scheduled = (await script.scheduled())[0]?.id as string;
      expect(await script.store.delete([waiting, leased, scheduled, moving])).toBe(4);
      expect(await script.queuedTexts()).toEqual(['kept']);
      expect(await script.scheduledTexts()).toEqual(['kept scheduled']);
      expect((await script.sweep()).dead).toEqual([]);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 0, scheduled: 1 });
    });

    // "tells which items it removed"
    test('tells which items it removed, if the driver can', async (fixture) => {
      const script = fixture.script();
      if (script.store.deleteEach === undefined) return;
      const moving = await script.addMoving('moving');
      await script.produce('a', 'b', 'c');
      const [a, b] = [await script.leaseOne(), await script.leaseOne()];
      const removed = await script.store.deleteEach([b, '0'.repeat(27), moving, 'bad', '\u{1f600}']);
      expect([...removed].sort()).toEqual([moving, b]);
      expect(await script.store.deleteEach([a, b])).toEqual([a]);
      expect(await script.store.deleteEach([])).toEqual([]);
      expect(await script.queuedTexts()).toEqual(['c']);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 0 });
    });

    // "Unknown ids are ignored"
    test('skips unknown ids', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const ids = (await script.queued()).map((item) => item.id);
      expect(await script.store.delete(['0'.repeat(27), ids[0] as string, 'bad', ''])).toBe(1);
      expect(await script.store.delete(ids)).toBe(1);
      expect(await script.store.delete(ids)).toBe(0);
      expect(await script.store.delete([])).toBe(0);
    });

    // "Removes items that are as they were seen, and ignores others"
    test('removes what was seen, unless it has changed', async (fixture) => {
      const script = fixture.script();
      const { store } = script;
      if (store.deleteSeen === undefined) return;
      await script.produce('leased', 'leased later', 'waiting', 'kept');
      const leased = await script.leaseOne();
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const [later = '', waiting = ''] = (await script.queued()).slice(1).map(({ id }) => id);
      const [scheduled = ''] = (await script.scheduled()).map(({ id }) => id);
      expect(await script.leaseOne()).toBe(later);
      const moving = await script.addMoving('moving');
      const seen = (id: string, state: SeenItem['state'], attempts = 0) => ({ id, state, attempts });
      const changed = [
        ...[seen(later, 'waiting'), seen(later, 'waiting', 1), seen(leased, 'leased', 2)],
        ...[seen(waiting, 'leased'), seen(waiting, 'scheduled'), seen(waiting, 'waiting', 1)],
        ...[seen(scheduled, 'waiting'), seen(scheduled, 'scheduled', 1)],
        ...[seen(moving, 'leased', 1), seen(moving, 'waiting', 1), seen('bad', 'waiting')],
      ];
      expect(await store.deleteSeen(changed)).toBe(0);
      expect(await store.deleteSeen([])).toBe(0);
      const unchanged = [seen(leased, 'leased', 1), seen(waiting, 'waiting'), seen(scheduled, 'scheduled')];
      expect(await store.deleteSeen([...unchanged, ...unchanged, ...changed])).toBe(3);
      expect(await script.queuedTexts()).toEqual(['leased later', 'kept', 'moving']);
      expect(await script.scheduledTexts()).toEqual([]);
    });

    // a deleted item is not leased: its id no longer proves a lease
    test('keeps the order of the other items', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd');
      const ids = (await script.queued()).map((item) => item.id);
      await script.store.delete([ids[0] as string, ids[2] as string]);
      expect(textsOf(await script.lease())).toEqual(['b', 'd']);
    });
  });

  describe('clear', () => {
    const states = ['waiting', 'leased', 'scheduled'] as const;
    const combinations = numbered('', 8).map((_, bits) => ({
      waiting: (bits & 1) !== 0,
      leased: (bits & 2) !== 0,
      scheduled: (bits & 4) !== 0,
    }));
    for (const request of combinations) {
      const chosen = states.filter((state) => request[state]);
      // "Removes all items in the given states", "the number of removed items"
      test(`removes ${chosen.join(' and ') || 'nothing'}`, async (fixture) => {
        const script = fixture.script();
        await script.produce('leased', 'leased', 'waiting', 'waiting', 'waiting');
        await script.lease(2);
        await script.produceItems([newItem('scheduled', script.in('1h'))]);
        const count = { waiting: 3, leased: 2, scheduled: 1 };
        const left = states.filter((state) => !request[state]);
        const removed = chosen.reduce((sum, state) => sum + count[state], 0);
        expect(await script.store.clear(request)).toBe(removed);
        const texts = [...(await script.queuedTexts()), ...(await script.scheduledTexts())];
        expect(new Set(texts)).toEqual(new Set(left));
        expect(texts).toHaveLength(6 - removed);
      });
    }

    // "frees their source ids": only those of removed items
    test('frees the source ids of what it removes', async (fixture) => {
      const script = fixture.script();
      await script.import('leased', { sourceId: 's1' });
      await script.lease();
      await script.import('waiting', { sourceId: 's2' });
      await script.store.clear({ waiting: true, leased: false, scheduled: false });
      expect(await script.import('again', { sourceId: 's1' })).toBeUndefined();
      expect(await script.import('again', { sourceId: 's2' })).toBeDefined();
    });

    // moving items count as leased: clearing leased items removes them
    test('treats moving items as leased', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('moving');
      expect(await script.store.clear({ waiting: true, leased: false, scheduled: true })).toBe(0);
      expect(textsOf((await script.sweep()).dead)).toEqual(['moving']);
      expect(await script.store.clear({ waiting: false, leased: true, scheduled: false })).toBe(1);
      await fixture.clock.advance('2h');
      expect((await script.sweep()).dead).toEqual([]);
    });

    // later items are not affected
    test('leaves a partition that still works', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('old', 2_000));
      await script.lease(500);
      expect(await script.store.clear({ waiting: true, leased: true, scheduled: true })).toBe(2_000);
      await script.produce('new');
      expect(textsOf(await script.lease())).toEqual(['new']);
      expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 1 });
    });
  });

  describe('remove', () => {
    // "Removes moving items, marked or not"
    test('removes moving items, marked as moved or not', async (fixture) => {
      const script = fixture.script();
      const first = await script.addMoving('first');
      await script.addMoving('second');
      const third = await script.addMoved('third');
      await script.sweep();
      await script.store.remove([first, third, first]);
      expect(await script.store.stats()).toMatchObject({ leased: 1 });
      await fixture.clock.advance('2h');
      const { dead, moved } = await script.sweep();
      expect([textsOf(dead), moved]).toEqual([['second'], []]);
    });

    // "Ids that are not moving are ignored"
    test('skips items in all other states', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased', 'waiting');
      await script.lease(1);
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const ids = [...(await script.queued()), ...(await script.scheduled())].map((item) => item.id);
      await script.prepare('prepared');
      ids.push((await script.prepared()).at(-1)?.id ?? '');
      await script.store.remove([...ids, '0'.repeat(27), 'bad']);
      await script.store.remove([]);
      expect(await script.queuedTexts()).toEqual(['leased', 'waiting']);
      expect(await script.preparedTexts()).toEqual(['prepared']);
      expect(await script.scheduledTexts()).toEqual(['scheduled']);
    });

    // a repetition, as after a crash, changes nothing; source ids are free
    test('can be repeated, and frees the source id', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source' });
      const id = await script.leaseOne();
      await script.retry({ id, dead: true });
      await script.store.remove([id]);
      await script.store.remove([id]);
      expect(await script.import('b', { sourceId: 'source' })).toBeDefined();
      expect(await script.queuedTexts()).toEqual(['b']);
    });
  });

  describe('drop', () => {
    // "Removes the partition with all its items and dedup keys. The next call starts an empty one."
    test('removes everything, and the next call starts anew', async (fixture) => {
      const script = fixture.script();
      const moving = await script.addMoving('moving');
      await script.produce('leased', 'waiting');
      const leased = await script.leaseOne();
      await script.produceItems([newItem('scheduled', script.in('1m'))]);
      await script.store.drop();
      await fixture.clock.advance('48h');
      expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
      expect(await script.queued()).toEqual([]);
      expect(await script.scheduled()).toEqual([]);
      expect(await script.sweep()).toEqual({
        enqueued: 0,
        requeued: 0,
        deleted: 0,
        dead: [],
        moved: [],
        nextDueMs: undefined,
      });
      expect(await script.store.delete([moving, leased])).toBe(0);
      await script.produce('new');
      expect(textsOf(await script.lease())).toEqual(['new']);
    });

    // "Changes nothing"; undefined: a drop never waits
    test('returns only once the change is made', async (fixture) => {
      const script = fixture.script();
      await script.store.untilDroppable?.();
      await script.produce('a', 'b');
      const id = await script.leaseOne();
      await script.store.untilDroppable?.();
      expect(await script.queuedTexts()).toEqual(['a', 'b']);
      expect(await script.store.complete([{ ids: [id] }])).toEqual([{ ok: true, value: undefined }]);
      expect(await script.queuedTexts()).toEqual(['b']);
    });

    // dropping a missing partition succeeds
    test('accepts a partition that was never used, and a second call', async (fixture) => {
      const script = fixture.script();
      await script.store.drop();
      await script.produce('a');
      await script.store.drop();
      await script.store.drop();
      expect(await script.queued()).toEqual([]);
    });

    // only this partition
    test('leaves other partitions alone', async (fixture) => {
      const queue = fixture.name();
      const [first, second] = [0, 1].map((partition) =>
        fixture.script(fixture.backend.partitionStore({ queue, partition })),
      );
      await first?.produce('first');
      await second?.produce('second');
      await first?.store.drop();
      expect(await second?.queuedTexts()).toEqual(['second']);
    });

    // "Two stores of one key see the same items", after a drop too
    test('applies to other stores of the same partition', async (fixture) => {
      const queue = fixture.name();
      const [one, other] = [0, 0].map((partition) =>
        fixture.script(fixture.backend.partitionStore({ queue, partition })),
      );
      await one?.produce('old');
      expect(await other?.queuedTexts()).toEqual(['old']);
      await one?.store.drop();
      expect(await other?.queuedTexts()).toEqual([]);
      await other?.produce('new');
      expect(await one?.queuedTexts()).toEqual(['new']);
    });
  });
}
