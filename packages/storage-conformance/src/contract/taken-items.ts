import {
  type ItemId,
  LAST_INSTANT,
  type PartitionStore,
  parseDuration,
  type TakeResult,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, newItem, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const TASK = 'task-1';
const TARGET = { queue: 'other "queue"', partition: 3 };
const UNKNOWN_ID = `00000000000000000${'x'.repeat(10)}`;

/** What `TakenItemsStore` promises. */
export function describeTakenItems(test: StorageTest): void {
  describe('items that a task takes', () => {
    // "Nobody is offered it, no sweep finds it", "answer as for a scheduled item"
    test.ifCapable('take', 'are offered to nobody, and no sweep finds them', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a'), newItem('b')], parseDuration('1m'));
      const ids = (await script.queued()).map(idOf);
      const { taken } = await take(script, ids.slice(0, 1));
      expect(taken.map(({ id, target, isMarked }) => ({ id, target, isMarked }))).toEqual([
        { id: ids[0], target: TARGET, isMarked: false },
      ]);
      expect(textsOf(taken)).toEqual(['a']);
      expect(textsOf(await script.lease())).toEqual(['b']);
      await fixture.clock.advance('10h');
      expect((await script.sweep()).dead.map(idOf)).toEqual(ids.slice(1));
      const [outcome] = await script.store.complete([{ ids: ids.slice(0, 1) }]);
      expect(outcome).toMatchObject({ ok: false, error: { reason: 'not_leased' } });
      expect(await script.scheduled()).toMatchObject([{ id: ids[0], enqueueAt: LAST_INSTANT }]);
      expect(await script.store.stats()).toMatchObject({ waiting: 0, scheduled: 1 });
    });

    // `before`: "A take that begins then or later, by the storage's clock, is refused … Then nothing was taken"
    test.ifCapable('take', 'are not taken when it is too late', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const ids = (await script.queued()).map(idOf);
      const request = { task: TASK, ids, target: TARGET };
      const before = script.in('1s');
      await fixture.clock.advance('1s');
      await expect(script.store.takeItems?.({ ...request, before })).rejects.toMatchObject({
        ...{ code: 'retry', reason: 'unavailable' },
      });
      expect(await script.store.takenItems?.(TASK, 10)).toEqual([]);
      expect(await script.queuedTexts()).toEqual(['a']);
      const none = { ...request, ids: [UNKNOWN_ID], before: script.in('1us') };
      expect(await script.store.takeItems?.(none)).toEqual({ taken: [], left: [] });
      expect((await script.store.takeItems?.({ ...request, before: script.in('1us') }))?.taken).toHaveLength(
        1,
      );
    });

    // "the items wait again, under the same ids at their old place, with their old deadlines"
    test.ifCapable('take', 'wait again at their old place if the take is undone', async (fixture) => {
      const script = fixture.script();
      const details = {
        firstId: 'first',
        metadata: new Map([['k', 'v']]),
        error: undefined,
        source: undefined,
      };
      await script.import('a', { details, sourceId: 'source' });
      await script.produce('b', 'c');
      const before = await detailed(script);
      const ids = before.map(idOf);
      await take(script, ids.slice(0, 2));
      expect(textsOf(await script.lease(1))).toEqual(['c']);
      expect(await script.store.returnTaken?.({ task: 'another', ids })).toBe(0);
      expect(await script.store.returnTaken?.({ task: TASK, ids: [...ids, UNKNOWN_ID, '\u00e9'] })).toBe(2);
      expect((await detailed(script)).slice(0, 2)).toEqual(before.slice(0, 2));
      expect(await script.scheduled()).toEqual([]);
      expect(textsOf(await script.lease())).toEqual(['a', 'b']);
    });

    // "Takes items that wait"; "Also those that the task took before and has not marked, with their first target"
    test.ifCapable('take', 'are those that wait, and those that the task took before', async (fixture) => {
      const script = fixture.script();
      const moving = await script.addMoving('moving');
      await script.prepare('letter');
      await script.produce('leased');
      const leased = await script.leaseOne();
      await script.produceItems([newItem('waiting'), newItem('later', script.in('1h'))]);
      const waiting = (await script.queued()).find((item) => textsOf([item])[0] === 'waiting');
      const [later] = (await script.scheduled()).map(idOf);
      const ids = [moving, leased, idOf(waiting), later as ItemId, UNKNOWN_ID, '\u00e9'];
      const first = await take(script, ids);
      expect(textsOf(first.taken)).toEqual(['waiting']);
      const again = await script.store.takeItems?.({ task: TASK, ids, target: { queue: 'x', partition: 0 } });
      expect(again).toEqual(first);
      const other = await script.store.takeItems?.({ task: 'another', ids, target: TARGET });
      expect(other?.taken).toEqual([]);
      const { transferTarget } = fixture.partition();
      const request = { ids, target: transferTarget as object, expireTimeout: EXPIRE_TIMEOUT };
      const transferred = await script.store.transfer?.({ ...request, state: 'scheduled' });
      expect(transferred?.transferred).toEqual([ids[3]]);
    });

    // "Stops once the contents (payloads and texts) add up to at least `PAYLOAD_BUDGET`"
    test.ifCapable('take', 'are at most those within the payload budget', async (fixture) => {
      const script = fixture.script();
      const large = { ...newItem('large'), payload: new Uint8Array(9_000_000) };
      await script.produceItems([large, large]);
      await script.produce('small');
      const ids = (await script.queued()).map(idOf);
      const { taken, left } = await take(script, ids);
      expect([taken.map(idOf), left]).toEqual([ids.slice(0, 2), ids.slice(2)]);
    });

    // "Marks taken items", "Removes marked items of the task. Ignores all others"
    test.ifCapable('take', 'go once they are marked, and not before', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c');
      const ids = (await script.queued()).map(idOf);
      await take(script, ids.slice(0, 2));
      const marks = (task: string) =>
        script.store.markTaken?.({ task, ids: [...ids.toSpliced(1, 1), UNKNOWN_ID] });
      expect(await marks('another')).toEqual({ marked: [], markedBefore: [] });
      expect(await marks(TASK)).toEqual({ marked: [ids[0]], markedBefore: [] });
      expect(await marks(TASK)).toEqual({ marked: [], markedBefore: [ids[0]] });
      expect(await script.store.takenItems?.(TASK, 10)).toEqual([
        { id: ids[0], target: TARGET, isMarked: true },
        { id: ids[1], target: TARGET, isMarked: false },
      ]);
      expect(await script.store.takenItems?.(TASK, 1)).toHaveLength(1);
      expect(await script.store.takenItems?.('another', 10)).toEqual([]);
      expect((await take(script, ids.slice(0, 2))).taken.map(idOf)).toEqual([ids[1]]);
      expect(await script.store.returnTaken?.({ task: TASK, ids: ids.slice(0, 1) })).toBe(0);
      await script.store.removeTaken?.({ task: 'another', ids });
      await script.store.removeTaken?.({ task: TASK, ids });
      expect(await script.store.takenItems?.(TASK, 10)).toMatchObject([{ id: ids[1] }]);
      expect(await script.queuedTexts()).toEqual(['c']);
    });

    // the four steps of docs/adr/0035, repeated from the start as after a crash
    test.ifCapable(
      'take',
      'move to a partition of another storage in steps that can be repeated',
      async (fixture) => {
        const [script, target] = [fixture.script(), fixture.script()];
        await script.produce('a', 'b');
        const ids = (await script.queued()).map(idOf);
        const timeouts = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };
        for (let round = 0; round < 2; round++) {
          const { taken } = await take(script, ids);
          const letters = taken.map((item) => ({ ...deadLetter(textsOf([item])[0] ?? '', item.id) }));
          await target.store.prepareLetters(letters, timeouts);
          if (round === 0) continue;
          await script.store.markTaken?.({ task: TASK, ids });
          await target.store.commitLetters(ids);
          await target.store.commitLetters(ids);
          await script.store.removeTaken?.({ task: TASK, ids });
        }
        expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
        expect(await target.queuedTexts()).toEqual(['a', 'b']);
      },
    );

    // a lease and takes by several tasks at the same time: each item has one owner
    test.ifCapable('take', 'are taken, or leased, but never both', async (fixture) => {
      const callers = await fixture.callers();
      const [script] = callers as [PartitionScript];
      for (let round = 0; round < 5; round++) {
        await script.produce(...Array.from({ length: 20 }, (_, n) => `item ${n}`));
        const ids = (await script.queued()).map(idOf);
        const [leased, ...results] = await Promise.all([
          Promise.all(callers.map((each) => each.lease(4))),
          ...callers.map((each, n) => take(each, ids, `task-${n}`)),
        ]);
        const owned = [...leased.flat(), ...results.flatMap(({ taken }) => taken)].map(idOf);
        expect(owned.sort()).toEqual([...ids].sort());
        await clearAll(script.store);
      }
    });
  });
}

async function take(script: PartitionScript, ids: readonly ItemId[], task = TASK): Promise<TakeResult> {
  const result = await script.store.takeItems?.({ task, ids, target: TARGET });
  if (result === undefined) throw new Error('the driver takes items');
  return result;
}

function detailed(script: PartitionScript) {
  return script.store.list({ state: 'queued', pivot: '', limit: 100, details: true });
}

function idOf(item: { readonly id: ItemId } | undefined): ItemId {
  if (item === undefined) throw new Error('there is no such item');
  return item.id;
}

async function clearAll(store: PartitionStore): Promise<void> {
  await store.clear({ waiting: true, leased: true, scheduled: true });
}
