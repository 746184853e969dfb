import { type DeadLetter, type Instant, type ItemId, LAST_INSTANT } from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, newItem, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const TASK = 'task-1';
const TARGET = { queue: 'other', partition: 3 };
const TIMEOUTS = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };

/** What `TakenItemsStore` and prepared letters promise of scheduled items. */
export function describeTakenSchedules(test: StorageTest): void {
  describe('scheduled items that a task takes', () => {
    // "Takes items that wait, or scheduled ones", "Items in another state stay", "The `enqueueAt` that the item had"
    test.ifCapable('take', 'are only those, with their time, and no sweep finds them', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('soon', script.in('1m')), newItem('later', script.in('2h'))]);
      await script.produce('waiting');
      const [soon, later, waiting] = [...(await script.scheduled()), ...(await script.queued())];
      const ids = [soon, later, waiting].map((item) => item?.id as ItemId);
      const { taken, left } = await take(script, ids);
      expect(taken.map(({ id, dueAt, target }) => ({ id, dueAt, target }))).toEqual([
        { id: ids[0], dueAt: soon?.enqueueAt, target: TARGET },
        { id: ids[1], dueAt: later?.enqueueAt, target: TARGET },
      ]);
      expect([textsOf(taken), left]).toEqual([['soon', 'later'], []]);
      expect(await take(script, ids)).toEqual({ taken, left });
      expect((await script.store.takeItems?.({ task: 'another', ids, target: TARGET }))?.taken).toHaveLength(
        1,
      );
      expect((await take(script, ids, 'another')).taken.map(({ id }) => id)).toEqual([ids[2]]);
      await fixture.clock.advance('3h');
      expect(await script.sweep()).toMatchObject({ enqueued: 0 });
      expect((await script.scheduled()).map(({ enqueueAt }) => enqueueAt)).toEqual(
        ids.map(() => LAST_INSTANT),
      );
      expect(await script.store.takenItems?.(TASK, 10)).toMatchObject([
        { id: ids[0], dueAt: soon?.enqueueAt },
        { id: ids[1], dueAt: later?.enqueueAt },
      ]);
    });

    // "Scheduled ones are scheduled again for their old time, be it past or not"
    test.ifCapable('take', 'are scheduled again if the take is undone', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('soon', script.in('1m')), newItem('later', script.in('2h'))]);
      await script.produce('retried');
      await script.retry({ id: await script.leaseOne(), retryAt: script.in('3h') });
      const before = await detailed(script);
      const ids = before.map(({ id }) => id);
      await take(script, ids);
      await fixture.clock.advance('5m');
      expect(await script.store.returnTaken?.({ task: TASK, ids })).toBe(3);
      expect(await detailed(script)).toEqual(before);
      expect((await script.sweep()).enqueued).toBe(1);
      expect(await script.queuedTexts()).toEqual(['soon']);
      expect(await script.store.takenItems?.(TASK, 10)).toEqual([]);
    });

    // `before` holds for them too
    test.ifCapable('take', 'are not taken when it is too late', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('later', script.in('2h'))]);
      const ids = (await script.scheduled()).map(({ id }) => id);
      const request = { task: TASK, ids, state: 'scheduled' as const, target: TARGET };
      const before = script.in('1s');
      await fixture.clock.advance('1s');
      await expect(script.store.takeItems?.({ ...request, before })).rejects.toMatchObject({ code: 'retry' });
      expect(await script.store.takenItems?.(TASK, 10)).toEqual([]);
    });
  });

  describe('a prepared copy of a scheduled item', () => {
    // "Those with a `dueAt` become scheduled for then"; "Its life begins then"
    test.ifCapable('take', 'is scheduled once it is committed', async (fixture) => {
      const script = fixture.script();
      const details = { firstId: 'first', metadata: new Map([['k', 'v']]), error: 'why' };
      const [soon, later] = [script.in('1m'), script.in('2h')];
      await prepare(script, copy('later', later), { ...copy('soon', soon), details }, deadLetter('at once'));
      expect(await script.preparedTexts()).toEqual(['later', 'soon', 'at once']);
      expect([await script.scheduled(), await script.queued()]).toEqual([[], []]);
      const prepared = await script.prepared();
      expect(await script.store.commitLetters(['later', 'soon', 'at once'])).toBe(3);
      expect(await script.store.commitLetters(['later', 'soon', 'at once'])).toBe(0);
      const scheduled = await detailed(script);
      expect(scheduled.map(({ enqueueAt }) => enqueueAt)).toEqual([later, soon]);
      expect(scheduled[1]).toMatchObject({ attempts: 0, isLeased: false, sourceId: 'soon', details });
      expect(scheduled[1]?.expireDeadline).toBe(script.in('24h1m'));
      expect(scheduled[0]?.id).not.toBe(prepared[0]?.id);
      expect(await script.queuedTexts()).toEqual(['at once']);
      await fixture.clock.advance('3h');
      await script.sweep();
      expect(await script.queuedTexts()).toEqual(['at once', 'soon', 'later']);
    });

    // "also if it has passed"
    test.ifCapable('take', 'is due if it is committed after its time', async (fixture) => {
      const script = fixture.script();
      await prepare(script, copy('b', script.in('2m')), copy('a', script.in('1m')));
      await fixture.clock.advance('5m');
      await script.store.commitLetters(['b', 'a']);
      expect((await script.sweep()).enqueued).toBe(2);
      expect(textsOf(await script.lease())).toEqual(['a', 'b']);
    });

    // "stays prepared until then, if that is later than its timeout"
    test.ifCapable('take', 'is available at its time if nobody commits it', async (fixture) => {
      const script = fixture.script();
      await prepare(script, copy('soon', script.in('1m')), copy('later', script.in('2h')));
      await fixture.clock.advance('2m');
      await script.sweep();
      expect(await script.preparedTexts()).toEqual(['soon', 'later']);
      await fixture.clock.advance('9m');
      expect((await script.sweep()).requeued).toBe(1);
      expect([await script.queuedTexts(), await script.preparedTexts()]).toEqual([['soon'], ['later']]);
      await fixture.clock.advance('2h');
      expect((await script.sweep()).requeued).toBe(1);
      expect(textsOf(await script.lease())).toEqual(['soon', 'later']);
    });

    // "an existing prepared letter keeps its timeout"; `abortLetters`
    test.ifCapable(
      'take',
      'keeps its time when it is prepared again, and can be aborted',
      async (fixture) => {
        const script = fixture.script();
        const dueAt = script.in('1h');
        await prepare(script, copy('a', dueAt), copy('b', dueAt));
        await prepare(script, copy('a', script.in('2h')));
        expect(await script.store.abortLetters(['b'])).toBe(1);
        await script.store.commitLetters(['a', 'b']);
        expect((await script.scheduled()).map(({ enqueueAt }) => enqueueAt)).toEqual([dueAt]);
      },
    );
  });
}

function take(script: PartitionScript, ids: readonly ItemId[], task = TASK) {
  const result = script.store.takeItems?.({ task, ids, state: 'scheduled', target: TARGET });
  if (result === undefined) throw new Error('the driver takes items');
  return result;
}

function copy(text: string, dueAt: Instant): DeadLetter {
  return { ...deadLetter(text), dueAt };
}

function prepare(script: PartitionScript, ...letters: readonly DeadLetter[]): Promise<void> {
  return script.store.prepareLetters(letters, TIMEOUTS);
}

function detailed(script: PartitionScript) {
  return script.store.list({ state: 'scheduled', pivot: '', limit: 100, details: true });
}
