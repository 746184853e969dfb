import {
  type ItemId,
  type Metadata,
  type PartitionStore,
  parseDuration,
  type StoredItem,
  type TransferRequest,
  type TransferResult,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, newItem, numbered, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const TARGET_TIMEOUT = parseDuration('2h');
const UNKNOWN_ID = `00000000000000000${'x'.repeat(10)}`;
const METADATA: Metadata = new Map([['traceparent', '00-4bf9-01']]);
/** More than half of the payload budget. */
const LARGE = 9_000_000;

/** What `PartitionStore.transfer` promises. */
export function describeTransfer(test: StorageTest): void {
  describe('transfer', () => {
    // "adds them at the tail of another one, in the order of their ids", "A transferred item is new in the target"
    test.ifCapable(
      'transfer',
      'puts items at the tail of the target, in order, as new ones',
      async (fixture) => {
        const [source, target] = [fixture.script(), fixture.script()];
        await source.produce('a', 'b', 'c');
        await target.produce('first');
        await source.retry({ id: await source.leaseOne() });
        const [b, c, a] = await source.queued();
        await fixture.clock.advance('1h');
        const ids = [a, c, b].map(idOf);
        expect(await transfer(source, target, { ids })).toEqual({
          transferred: [b, c, a].map(idOf),
          left: [],
        });
        expect(await source.queued()).toEqual([]);
        const stored = await target.queued();
        expect(textsOf(stored)).toEqual(['first', 'b', 'c', 'a']);
        expect(stored.every(({ id }, n) => n === 0 || id > idOf(stored[n - 1]))).toBe(true);
        const fresh = { createdAt: fixture.clock.now(), expireDeadline: target.in('2h'), attempts: 0 };
        for (const item of stored.slice(1)) expect(item).toMatchObject({ ...fresh, isLeased: false });
        expect(textsOf(await target.lease())).toEqual(['first', 'b', 'c', 'a']);
      },
    );

    // "Items in another state stay", "May contain malformed ids"
    test.ifCapable('transfer', 'takes items of the asked state only', async (fixture) => {
      const [source, target] = [fixture.script(), fixture.script()];
      const moving = await source.addMoving('moving');
      const moved = await source.addMoved('moved');
      await source.prepare('letter');
      const [letter] = await source.prepared();
      await source.produce('leased');
      const leased = await source.leaseOne();
      await source.produce('waiting');
      await source.produceItems([newItem('later', source.in('1h'))]);
      const waiting = (await source.queued()).find((item) => textsOf([item])[0] === 'waiting');
      const [later] = await source.scheduled();
      const ids = [
        moving,
        moved,
        leased,
        ...[letter, waiting, later].map(idOf),
        UNKNOWN_ID,
        'malformed\u00e9',
      ];
      expect(await transfer(source, target, { ids })).toEqual({ transferred: [idOf(waiting)], left: [] });
      expect(await transfer(source, target, { ids, state: 'scheduled' })).toEqual({
        transferred: [idOf(later)],
        left: [],
      });
      expect(await source.store.stats()).toMatchObject({ waiting: 0, leased: 3, scheduled: 0 });
      expect(await source.preparedTexts()).toEqual(['letter']);
      expect(await target.store.stats()).toMatchObject({ waiting: 1, leased: 0, scheduled: 1 });
      await source.complete(leased);
    });

    // "A scheduled one keeps its `enqueueAt`; its life begins then, or now if that is later"
    test.ifCapable('transfer', 'keeps when scheduled items become available', async (fixture) => {
      const [source, target] = [fixture.script(), fixture.script()];
      const [soon, late] = [source.in('1m'), source.in('1h')];
      await source.produceItems([newItem('late', late), newItem('soon', soon)]);
      await fixture.clock.advance('2m');
      const ids = (await source.scheduled()).map(idOf);
      await transfer(source, target, { ids, state: 'scheduled' });
      expect(await source.scheduled()).toEqual([]);
      expect(await target.scheduled()).toMatchObject([
        { enqueueAt: late, expireDeadline: late + 7_200_000_000n },
        { enqueueAt: soon, expireDeadline: target.in('2h') },
      ]);
      expect((await target.sweep()).enqueued).toBe(1);
      const soonest = await target.lease();
      expect(textsOf(soonest)).toEqual(['soon']);
      await target.complete(...soonest.map(idOf));
      await fixture.clock.advance('1h');
      expect((await target.sweep()).enqueued).toBe(1);
      expect(textsOf(await target.lease())).toEqual(['late']);
    });

    // "Its content, `maxAttempts` and details stay. It has no source id"
    test.ifCapable('transfer', 'keeps content and details, and frees the source id', async (fixture) => {
      const [source, target] = [fixture.script(), fixture.script()];
      const death = { at: fixture.clock.now(), reason: 'rejected' } as const;
      const produced = { id: 'old id', attempts: 7, producedAt: fixture.clock.now() };
      const letterSource = { queue: 'q', partition: 3, ...produced, death, error: 'last' };
      const details = { firstId: 'first id', metadata: METADATA, error: undefined, source: letterSource };
      const timeouts = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };
      await source.store.prepareLetters([{ ...deadLetter('letter', 'old id'), details }], timeouts);
      await source.store.commitLetters(['old id']);
      await source.import('imported', { maxAttempts: 5, attempts: 2 });
      const before = await detailed(source);
      await transfer(source, target, { ids: before.map(idOf) });
      const after = await detailed(target);
      expect(after.map(contentAndDetails)).toEqual(before.map(contentAndDetails));
      expect(after).toMatchObject([{ maxAttempts: 0 }, { maxAttempts: 5, attempts: 0 }]);
      expect(after[1]?.details?.firstId).toBe(before[1]?.id);
      expect(after.map(({ sourceId }) => sourceId)).toEqual([undefined, undefined]);
      await source.prepare('old id');
      await target.prepare('old id');
      expect([await source.preparedTexts(), await target.preparedTexts()]).toEqual([['old id'], ['old id']]);
    });

    // "Stops once the contents (payloads and texts) add up to at least `PAYLOAD_BUDGET`"
    test.ifCapable('transfer', 'leaves items beyond the payload budget', async (fixture) => {
      const [source, target] = [fixture.script(), fixture.script()];
      const large = { ...newItem('large'), payload: new Uint8Array(LARGE) };
      await source.produceItems([large, large]);
      await source.produce('small');
      const ids = (await source.queued()).map(idOf);
      const result = await transfer(source, target, { ids });
      expect(result).toEqual({ transferred: ids.slice(0, 2), left: ids.slice(2) });
      expect(await transfer(source, target, { ids: ids.slice(2) })).toMatchObject({ left: [] });
      expect((await target.queuedTexts()).at(-1)).toBe('small');
    });

    // "undefined if the target is on another storage. Nothing has changed then"
    test.ifCapable('transfer', 'changes nothing if the target is elsewhere', async (fixture) => {
      const source = fixture.script();
      await source.produce('a');
      const ids = (await source.queued()).map(idOf);
      expect(
        await source.store.transfer?.({ ids, state: 'waiting', target: {}, expireTimeout: TARGET_TIMEOUT }),
      ).toBeUndefined();
      expect(await source.queuedTexts()).toEqual(['a']);
    });

    // "Calls may run concurrently, also from several processes": each item has one fate, and order holds
    test.ifCapable('transfer', 'races leases and other transfers for each item', async (fixture) => {
      const sources = await fixture.callers();
      const [source] = sources as [PartitionScript];
      const texts = numbered('item', 60).map((text) => text.padEnd(8, '.'));
      for (let round = 0; round < 5; round++) {
        await source.produce(...texts);
        const ids = (await source.queued()).map(idOf);
        const targets = [fixture.script(), fixture.script()];
        const [leased] = await Promise.all([
          Promise.all(sources.map((each) => each.lease(7))),
          // Each caller's store belongs to a backend; only those of the first one reach the targets.
          ...targets.map((target, n) => transfer(source, target, { ids: n === 0 ? ids : ids.toReversed() })),
        ]);
        const kept = await source.queued();
        const moved = await Promise.all(targets.map((target) => target.queued()));
        const all = [...textsOf(kept), ...moved.flatMap(textsOf)];
        expect(all.sort()).toEqual([...texts].sort());
        expect(kept.map(idOf).sort()).toEqual(leased.flat().map(idOf).sort());
        for (const items of moved) expect(textsOf(items)).toEqual(inOrder(textsOf(items), texts));
        await source.complete(...kept.map(idOf));
      }
    });

    // a sweep that gives scheduled items new ids, at the same time as a transfer of them
    test.ifCapable('transfer', 'leaves scheduled items to a sweep, or takes them', async (fixture) => {
      const [source, target] = [fixture.script(), fixture.script()];
      const texts = numbered('item', 30);
      for (let round = 0; round < 5; round++) {
        await source.produceItems(texts.map((text) => newItem(text, source.in('1m'))));
        const ids = (await source.scheduled()).map(idOf);
        await fixture.clock.advance('2m');
        const [swept, result] = await Promise.all([
          source.sweep(),
          transfer(source, target, { ids, state: 'scheduled' }),
        ]);
        const left = await transfer(source, target, { ids: result.left, state: 'scheduled' });
        expect(swept.enqueued + result.transferred.length + left.transferred.length).toBe(30);
        const all = [...(await source.queuedTexts()), ...(await target.scheduledTexts())];
        expect(all.sort()).toEqual([...texts].sort());
        await clearAll(source.store);
        await clearAll(target.store);
      }
    });
  });
}

/** Transfers waiting items, unless the request says otherwise. */
async function transfer(
  source: PartitionScript,
  target: PartitionScript,
  request: Pick<TransferRequest, 'ids'> & Partial<TransferRequest>,
): Promise<TransferResult> {
  const { transferTarget } = target.store;
  if (transferTarget === undefined) throw new Error('the driver transfers items, but names no target');
  const result = await source.store.transfer?.({
    state: 'waiting',
    target: transferTarget,
    expireTimeout: TARGET_TIMEOUT,
    ...request,
  });
  if (result === undefined) throw new Error('the target is a partition of the same backend');
  return result;
}

function detailed(script: PartitionScript): Promise<readonly StoredItem[]> {
  return script.store.list({ state: 'queued', pivot: '', limit: 100, details: true });
}

function contentAndDetails({ encoding, kind, reference, payload, details, id }: StoredItem) {
  const { firstId = id, ...others } = details ?? {};
  return { encoding, kind, reference, payload: [...payload], details: { firstId, ...others } };
}

function idOf(item: { readonly id: ItemId } | undefined): ItemId {
  if (item === undefined) throw new Error('there is no such item');
  return item.id;
}

/** The same texts in the order of `all`. */
function inOrder(texts: readonly string[], all: readonly string[]): string[] {
  return all.filter((text) => texts.includes(text));
}

async function clearAll(store: PartitionStore): Promise<void> {
  await store.clear({ waiting: true, leased: true, scheduled: true });
}
