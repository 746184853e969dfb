import { describe, expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.makeDue` and `lastId` promise. */
export function describeMakeDue(test: StorageTest): void {
  describe('makeDue', () => {
    // "the next sweep puts them at the tail, in the order of their ids"
    test('makes scheduled items due, in the order in which they were produced', async (fixture) => {
      const script = fixture.script();
      const { store } = script;
      if (store.makeDue === undefined) return;
      await script.produceItems([
        newItem('late', script.in('3h')),
        newItem('early', script.in('1h')),
        newItem('kept', script.in('2h')),
      ]);
      await script.produce('waiting');
      const [late = '', early = ''] = (await script.scheduled()).map(({ id }) => id);
      expect(await store.makeDue([early, late, late])).toBe(2);
      expect(await script.scheduledTexts()).toEqual(['late', 'early', 'kept']);
      // A deadline is due once it has passed.
      await fixture.clock.advance('1us');
      expect(await script.sweep()).toMatchObject({ enqueued: 2 });
      expect(await script.queuedTexts()).toEqual(['waiting', 'late', 'early']);
      expect(await script.scheduledTexts()).toEqual(['kept']);
      expect(await store.stats()).toMatchObject({ waiting: 3, leased: 0, scheduled: 1 });
    });

    // "Their `expireDeadline` stays"
    test('changes neither attempts nor the expire deadline', async (fixture) => {
      const script = fixture.script();
      if (script.store.makeDue === undefined) return;
      await script.produce('retried');
      await script.retry({ id: await script.leaseOne(), retryAt: script.in('3h') });
      const [before] = await script.scheduled();
      expect(await script.store.makeDue([before?.id ?? ''])).toBe(1);
      await fixture.clock.advance('1us');
      await script.sweep();
      const { attempts, expireDeadline } = before ?? {};
      expect(await script.queued()).toMatchObject([{ attempts, expireDeadline }]);
    });

    // "Ignores unknown ids, items that are due already, in another state"
    test('leaves all other items alone', async (fixture) => {
      const script = fixture.script();
      const { store } = script;
      if (store.makeDue === undefined) return;
      await script.produce('leased', 'waiting');
      await script.leaseOne();
      await script.addMoving('moving');
      await script.prepare('letter');
      await script.produceItems([newItem('due', script.in('1m'))]);
      const ids = [
        ...(await script.queued()),
        ...(await script.scheduled()),
        ...(await script.prepared()),
      ].map(({ id }) => id);
      await fixture.clock.advance('2m');
      const before = [await script.queued(), await script.scheduled(), await script.prepared()];
      expect(await store.makeDue([...ids, '0'.repeat(27), 'bad', '\u{1f600}'])).toBe(0);
      expect(await store.makeDue([])).toBe(0);
      expect([await script.queued(), await script.scheduled(), await script.prepared()]).toEqual(before);
    });

    // "or taken by a task"
    test.ifCapable('take', 'leaves items that a task has taken', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('taken', script.in('1h'))]);
      await script.produce('waiting');
      const scheduled = (await script.scheduled()).map(({ id }) => id);
      const waiting = (await script.queued()).map(({ id }) => id);
      const target = { queue: 'other', partition: 0 };
      await script.store.takeItems?.({ task: 't', ids: scheduled, target, state: 'scheduled' });
      await script.store.takeItems?.({ task: 't', ids: waiting, target });
      const taken = await script.store.takenItems?.('t', 10);
      expect(taken).toHaveLength(2);
      expect(await script.store.makeDue?.([...scheduled, ...waiting])).toBe(0);
      expect(await script.store.takenItems?.('t', 10)).toEqual(taken);
      await fixture.clock.advance('2h');
      expect(await script.sweep()).toMatchObject({ enqueued: 0 });
    });
  });

  describe('lastId', () => {
    // "The greatest id in the partition, of an item in any state"
    test('is that of the item at the tail', async (fixture) => {
      const script = fixture.script();
      const { store } = script;
      if (store.lastId === undefined) return;
      expect(await store.lastId()).toBeUndefined();
      await script.produce('a', 'b');
      const last = (await script.queued()).at(-1)?.id;
      expect(await store.lastId()).toBe(last);
      await script.retry({ id: await script.leaseOne() });
      const returned = (await script.queued()).at(-1)?.id;
      expect(returned).not.toBe(last);
      expect(await store.lastId()).toBe(returned);
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      expect(await store.lastId()).toBe((await script.scheduled())[0]?.id);
      await script.addMoving('moving');
      const ids = (await script.queued()).map(({ id }) => id);
      expect(await store.lastId()).toBe(ids.at(-1));
      await store.clear({ waiting: true, leased: true, scheduled: true });
      expect(await store.lastId()).toBeUndefined();
    });
  });
}
