import { describe, expect } from 'vitest';
import { content, contentOf, textsOf } from '../fixture/content.ts';
import { EXPIRE_TIMEOUT, verdictsOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.retry` promises about dead items, and what "moving" means. */
export function describeRetryDeath(test: StorageTest): void {
  describe('retry of dead items', () => {
    // "moving or deleted, as `rules.dead` says"
    test('deletes dead items if the rules say so', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const [a] = (await script.lease(1)).map((item) => item.id) as [string];
      const outcomes = await script.store.retry([{ items: [{ id: a, dead: true }] }], {
        maxAttempts: 0,
        dead: 'delete',
      });
      expect(outcomes).toEqual([{ ok: true, value: { waiting: 0, scheduled: 0, moving: 0, deleted: 1 } }]);
      expect(await script.queuedTexts()).toEqual(['b']);
      expect((await script.sweep()).dead).toEqual([]);
    });

    // "The next sweep reports them", under their old id
    test('makes dead items moving if the rules say so, and the next sweep reports them', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', attempts: 2, maxAttempts: 8 });
      const [before] = await script.queued();
      const id = await script.leaseOne();
      expect(await script.retry({ id, dead: true })).toEqual({
        waiting: 0,
        scheduled: 0,
        moving: 1,
        deleted: 0,
      });
      const { dead } = await script.sweep();
      expect(dead).toHaveLength(1);
      expect(dead[0]).toMatchObject({
        id,
        sourceId: 'source',
        attempts: 3,
        maxAttempts: 8,
        createdAt: before?.createdAt,
      });
      expect(dead.map(contentOf)).toEqual([content('a')]);
    });

    // "For each item the first matching rule applies": `dead` comes before `retryAt`
    test('ignores retryAt of a dead item', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const result = await script.retry({
        id: await script.leaseOne(),
        dead: true,
        retryAt: script.in('1h'),
      });
      expect(result).toMatchObject({ moving: 1, scheduled: 0 });
      expect(await script.scheduled()).toEqual([]);
    });

    // "maxAttempts is not 0 and reached": at the limit and above it
    test('makes an item without attempts left dead', async (fixture) => {
      const script = fixture.script();
      for (const [text, attempts] of [
        ['below', 0],
        ['reached', 1],
        ['beyond', 4],
      ] as const) {
        await script.import(text, { attempts });
      }
      const items = (await script.lease()).map(({ id }) => ({ id, dead: false }));
      const requests = items.map((item) => ({ items: [item] }));
      const outcomes = await script.store.retry(requests, { maxAttempts: 2, dead: 'move' });
      expect(outcomes.map((outcome) => outcome.ok && outcome.value.moving)).toEqual([0, 1, 1]);
      expect(textsOf((await script.sweep()).dead).sort()).toEqual(['beyond', 'reached']);
    });

    // "maxAttempts is not 0": 0 means without limit
    test('keeps an item if there is no limit on attempts', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { attempts: 60_000, maxAttempts: 1 });
      expect(await script.retry({ id: await script.leaseOne() })).toMatchObject({ waiting: 1, moving: 0 });
    });

    // used-up attempts come before `retryAt`
    test('does not schedule an item without attempts left', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      const [outcome] = await script.store.retry(
        [{ items: [{ id, dead: false, retryAt: script.in('1h') }] }],
        { maxAttempts: 1, dead: 'delete' },
      );
      expect(outcome).toMatchObject({ ok: true, value: { deleted: 1, scheduled: 0 } });
      expect(await script.scheduled()).toEqual([]);
      expect(await script.queued()).toEqual([]);
    });

    // a deleted item frees its source id, a moving one does not
    test('frees the source id of a deleted item only', async (fixture) => {
      const script = fixture.script();
      await script.import('moving', { sourceId: 's1' });
      await script.retry({ id: await script.leaseOne(), dead: true });
      expect(await script.import('again', { sourceId: 's1' })).toBeUndefined();
      await script.import('deleted', { sourceId: 's2' });
      const id = await script.leaseOne();
      await script.store.retry([{ items: [{ id, dead: true }] }], { maxAttempts: 0, dead: 'delete' });
      expect(await script.import('again', { sourceId: 's2' })).toBeDefined();
    });

    // one request may have items of all kinds
    test('counts the next states of the items of each request', async (fixture) => {
      const script = fixture.script();
      await script.produce('again', 'later', 'dead1', 'dead2');
      const [again, later, dead1, dead2] = (await script.lease()).map((item) => item.id) as string[];
      const result = await script.retry(
        { id: dead1 as string, dead: true },
        { id: again as string },
        { id: later as string, retryAt: script.in('1h') },
        { id: dead2 as string, dead: true },
      );
      expect(result).toEqual({ waiting: 1, scheduled: 1, moving: 2, deleted: 0 });
    });

    // a request with a bad id changes no item
    test('makes no item of a failed request moving, and deletes none', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      const items = [
        { id, dead: true },
        { id: 'bad', dead: false },
      ];
      for (const dead of ['move', 'delete'] as const) {
        const [outcome] = await script.store.retry([{ items }], { maxAttempts: 0, dead });
        expect(outcome?.ok).toBe(false);
      }
      expect((await script.sweep()).dead).toEqual([]);
      await script.complete(id);
    });
  });

  describe('a moving item', () => {
    // "It cannot be leased, completed or retried"
    test('is not leased, and cannot be completed, retried or released', async (fixture) => {
      const script = fixture.script();
      const id = await script.addMoving('moving');
      for (const moment of ['before', 'after', 'long after'] as const) {
        if (moment === 'after') await script.sweep();
        if (moment === 'long after') await fixture.clock.advance('2h');
        expect(await script.lease()).toEqual([]);
        const gone = [`invalid storage id; '${id}' does not exist`];
        expect(verdictsOf(await script.store.complete([{ ids: [id] }]))).toEqual(gone);
        const retried = await script.store.retry([{ items: [{ id, dead: false }] }], {
          maxAttempts: 0,
          dead: 'delete',
        });
        expect(verdictsOf(retried)).toEqual(gone);
        expect(await script.store.release([id])).toBe(0);
      }
      expect(textsOf((await script.sweep()).dead)).toEqual(['moving']);
    });

    // `PartitionStats.leased`: "Leased and moving items"
    test('counts as leased', async (fixture) => {
      const script = fixture.script();
      await script.addMoving('moving');
      await script.produce('waiting');
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 1, scheduled: 0 });
      await script.sweep();
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 1, scheduled: 0 });
    });

    // the item is still stored, so its source id is taken
    test('keeps its source id taken', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source' });
      await script.retry({ id: await script.leaseOne(), dead: true });
      await script.sweep();
      const imported = await script.store.import(
        [{ ...content('b'), sourceId: 'source', isLeased: false, attempts: 0, maxAttempts: 0 }],
        EXPIRE_TIMEOUT,
      );
      expect(imported).toEqual([undefined]);
    });
  });
}
