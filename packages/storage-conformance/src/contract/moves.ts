import { type CarriedItem, type ItemId, instantFromMicroseconds, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, newItem, numbered, textsOf } from '../fixture/content.ts';
import { idsOf, keyedStore, produceUnder, REFUSE, under, WINDOW } from '../fixture/keyed-produce.ts';
import { batch, CLAIM, everythingIn, fateOf, MovingPartition } from '../fixture/moving-partition.ts';
import {
  AUTO_COMMIT_TIMEOUT,
  EXPIRE_TIMEOUT,
  LEASE_TIMEOUT,
  type PartitionScript,
} from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const HOUR = parseDuration('1h');

/** What `MoveStore` promises. */
export function describeMoves(test: StorageTest): void {
  describe('the move of a partition', () => {
    // "Everything that a partition knows of an item. It keeps its id."
    test.ifCapable('moves', 'takes items in every state along, as they are', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await fillWithEveryState(moving.source);
      const before = await everythingIn(moving.source);
      const [target, later, copied] = [moving.target, moving.source.in('90m'), moving.source.in('100m')];
      await moving.move();
      expect(await everythingIn(target)).toEqual(before);
      expect(textsOf(await target.lease())).toEqual(['waiting', 'plain', 'imported']);
      expect((await target.sweep()).dead.map((item) => textsOf([item])[0]).sort()).toEqual(['dead']);
      await target.store.commitLetters(['copy']);
      await target.store.returnTaken?.({ task: 'task', ids: before.taken?.map(({ id }) => id) ?? [] });
      const times = (await target.scheduled()).map(({ enqueueAt }) => enqueueAt);
      if (before.taken !== undefined) expect(times).toEqual(expect.arrayContaining([later, copied]));
    });

    // "When the lease was first extended with a bound."
    test.ifCapable(['moves', 'extend'], 'takes along how long an item was held', async (fixture) => {
      const moving = new MovingPartition(fixture);
      const { metadataFault } = await moving.source.store.probe();
      if (metadataFault !== undefined) return;
      await moving.source.produce('a');
      const id = await moving.source.leaseOne();
      const bounded = { id, leaseTimeout: HOUR, maxHold: parseDuration('5m') };
      await moving.source.store.extend?.([bounded]);
      await moving.move();
      await fixture.clock.advance('6m');
      expect(await moving.target.store.extend?.([bounded])).toMatchObject([
        { ok: false, error: { reason: 'over_limit' } },
      ]);
    });

    // "changes are written down"; "What has changed, as it is now"
    test.ifCapable('moves', 'applies what changes while it is copied', async (fixture) => {
      const moving = new MovingPartition(fixture);
      const { source } = moving;
      await source.produce(...numbered('item', 12));
      await moving.begin();
      await source.lease(2);
      await moving.copy();
      const [first, second, third] = (await source.lease(3)).map(({ id }) => id) as [ItemId, ItemId, ItemId];
      await source.complete(first);
      await source.retry({ id: second });
      await source.retry({ id: third, retryAt: source.in('1h') });
      await source.produce('new');
      await source.store.delete([(await source.queued()).at(-2)?.id as ItemId]);
      expect(await moving.catchUp()).toBeGreaterThan(4);
      await fixture.clock.advance('2m');
      await source.sweep();
      const before = await everythingIn(source);
      await moving.switchOver();
      expect(await everythingIn(moving.target)).toEqual(before);
    });

    // "Removes entries whose changes are durable at the target"
    test.ifCapable(
      'moves',
      'keeps entries until they are settled, and those of later changes',
      async (fixture) => {
        const moving = new MovingPartition(fixture);
        await moving.source.produce('a', 'b');
        await moving.begin();
        const id = await moving.source.leaseOne();
        const first = await moving.from.readChanges(CLAIM, 100);
        expect(first.items.map((item) => [item.id, item.state])).toEqual([[id, 'leased']]);
        expect((await moving.from.readChanges(CLAIM, 100)).items).toEqual(first.items);
        await moving.source.complete(id);
        await moving.from.settleChanges(CLAIM, first.entries);
        const second = await moving.from.readChanges(CLAIM, 100);
        expect([second.items, second.gone]).toEqual([[], [id]]);
        await moving.from.settleChanges(CLAIM, [...first.entries, ...second.entries]);
        expect((await moving.from.readChanges(CLAIM, 100)).entries).toEqual([]);
      },
    );

    // "More may have changed than entries can tell"
    test.ifCapable('moves', 'notices that everything was cleared', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.produce(...numbered('item', 5));
      await moving.begin();
      await moving.copy();
      await moving.source.store.clear({ waiting: true, leased: true, scheduled: true });
      await moving.source.produce('after');
      await moving.catchUp();
      await moving.switchOver();
      expect(await moving.target.queuedTexts()).toEqual(['after']);
    });

    // "every call of the partition's `PartitionStore` that writes fails with a `StorageError` `closed`"
    test.ifCapable(
      'moves',
      'stops every write at a closed source, and at a target before it opens',
      async (fixture) => {
        const moving = new MovingPartition(fixture);
        await fillWithEveryState(moving.source);
        await moving.begin();
        await moving.copy();
        const before = await everythingIn(moving.source);
        await expectClosed(writesTo(moving.target, before.queued));
        await moving.from.close(CLAIM);
        await expectClosed(writesTo(moving.source, before.queued));
        expect(await everythingIn(moving.source)).toEqual(before);
        await moving.from.reopen(CLAIM);
        expect(textsOf(await moving.source.lease(1))).toEqual(['waiting']);
        await moving.switchOver();
        await expectClosed(writesTo(moving.source, before.queued));
        expect(textsOf(await moving.target.lease())).toEqual(['plain', 'imported']);
      },
    );

    // "New ids of the target become greater than each id with this number"
    test.ifCapable(
      'moves',
      'gives new items of the target greater ids than any item of the source had',
      async (fixture) => {
        const moving = new MovingPartition(fixture);
        await moving.source.produce('a', 'b');
        const seen = (await moving.source.queued()).map(({ id }) => id);
        await moving.begin();
        await moving.from.close(CLAIM);
        await moving.catchUp();
        const above = BigInt(`0x${(seen.at(-1) as ItemId).slice(1, 17)}`) + 5_000_000_000n;
        await moving.to.write(CLAIM, batch({ above }));
        await moving.to.write(CLAIM, batch({ above: 1n }));
        await moving.to.open(CLAIM);
        await moving.target.produce('c');
        const [{ id } = { id: '' }] = await moving.target.queued();
        expect(BigInt(`0x${id.slice(1, 17)}`)).toBeGreaterThan(above);
      },
    );

    // "A dedup key with the ids that its items got"
    test.ifCapable(['moves', 'dedup'], 'takes dedup keys along', async (fixture) => {
      const moving = new MovingPartition(fixture);
      const ids: (readonly string[])[] = [];
      for (const key of numbered('key', 5)) ids.push(idsOf(await produceUnder(moving.source, key, 'a', 'b')));
      await moving.begin();
      await moving.copy();
      ids.push(idsOf(await produceUnder(moving.source, 'late', 'c')));
      await moving.source.complete(...(await moving.source.lease()).map(({ id }) => id));
      await moving.catchUp();
      await moving.switchOver();
      const asked = [...numbered('key', 5), 'late', 'unknown'].map((key) => under(key, 'x'));
      const [outcome] = await keyedStore(moving.target).produceKeyed(
        [{ groups: asked, window: WINDOW }],
        REFUSE,
      );
      const groups = outcome?.ok === true ? outcome.value.groups : [];
      expect(groups.map(idsOf)).toEqual([...ids, []]);
      await fixture.clock.advance('6m');
      expect(await produceUnder(moving.target, 'late', 'd')).toMatchObject({ state: 'stored' });
    });

    // "waits until no earlier call can write any more": an acknowledged call is in the copy
    test.ifCapable('moves', 'loses nothing of calls that run while the source closes', async (fixture) => {
      for (let round = 0; round < 5; round++) {
        const moving = new MovingPartition(fixture);
        await moving.source.produce(...numbered('old', 20));
        await moving.begin();
        await moving.copy();
        const stored = new Set(numbered('old', 20));
        const work = Array.from({ length: 8 }, async (_, n) => {
          for (let at = 0; at < 40; at++) {
            const text = `${n}-${at}`;
            if ((await fateOf(moving.source.produce(text))) !== 'done') return;
            stored.add(text);
            if (at % 3 !== 0) continue;
            const leased = await moving.source.lease(1).catch(() => []);
            if ((await fateOf(moving.source.complete(...leased.map(({ id }) => id)))) !== 'done') return;
            for (const each of textsOf(leased)) stored.delete(each);
          }
        });
        await moving.catchUp();
        await moving.switchOver();
        await Promise.all(work);
        expect((await moving.target.queuedTexts()).sort()).toEqual([...stored].sort());
        await moving.from.end(CLAIM);
        await moving.to.end(CLAIM);
      }
    });

    // "An item or key of the batch replaces that of the same id, key or source id"
    test.ifCapable('moves', 'replaces an item by another one with its source id', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.import('a', { sourceId: 'source' });
      await moving.begin();
      await moving.copy();
      await moving.source.complete(await moving.source.leaseOne());
      await moving.source.import('b', { sourceId: 'source' });
      const { items } = await moving.from.readItems(CLAIM, undefined, 10);
      await moving.to.write(CLAIM, batch({ items }));
      await moving.switchOver();
      expect(await moving.target.queuedTexts()).toEqual(['b']);
      expect(await moving.target.import('c', { sourceId: 'source' })).toBeUndefined();
    });

    // "Items in descending order of their ids"; "The next page has the items before this id"
    test.ifCapable('moves', 'reads items from the last one to the first', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.produce(...numbered('item', 5));
      await moving.from.begin(CLAIM, 'source');
      const seen: CarriedItem[] = [];
      for (let before: ItemId | undefined, more = true; more; more = before !== undefined) {
        const page = await moving.from.readItems(CLAIM, before, 2);
        seen.push(...page.items);
        before = page.next;
      }
      expect(textsOf(seen)).toEqual(numbered('item', 5).reverse());
      const large = { ...newItem('large'), payload: new Uint8Array(9_000_000) };
      await moving.source.produceItems([large, large, large]);
      expect((await moving.from.readItems(CLAIM, undefined, 10)).items).toHaveLength(2);
      expect((await moving.from.readChanges(CLAIM, 10)).items).toHaveLength(2);
    });
  });
}

async function expectClosed(writes: Readonly<Record<string, () => Promise<unknown> | undefined>>) {
  for (const [name, write] of Object.entries(writes)) {
    // A driver may lack optional calls.
    const call = write();
    if (call !== undefined) expect([name, await fateOf(call)]).toEqual([name, 'closed']);
  }
}

/** A call of each kind that writes. */
function writesTo({ store }: PartitionScript, items: readonly { readonly id: ItemId }[]) {
  const ids = items.map(({ id }) => id);
  const first = ids.slice(0, 1);
  const id = first[0] as ItemId;
  const rules = { maxAttempts: 0, dead: 'move' } as const;
  const request = { items: [newItem('x')] };
  const lease = { limit: 1, leaseTimeout: LEASE_TIMEOUT };
  const imported = { ...newItem('y'), isLeased: false, attempts: 0, maxAttempts: 0 };
  const keyed = { groups: [under('k', 'v')], window: WINDOW };
  const importing = { ...keyed, groups: [{ key: 'k', items: [imported] }], expireTimeout: EXPIRE_TIMEOUT };
  const stored = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' } as const;
  const taken = { task: 'task', ids: first };
  const timeouts = { expireTimeout: HOUR, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };
  return {
    produce: () => store.produce([request], EXPIRE_TIMEOUT),
    produceAndLease: () => store.produceAndLease?.([request], EXPIRE_TIMEOUT, lease),
    produceKeyed: () => store.produceKeyed?.([keyed], stored),
    produceKeyedAndLease: () => store.produceKeyedAndLease?.([keyed], stored, lease),
    lease: () => store.lease(lease),
    release: () => store.release(first),
    complete: () => store.complete([{ ids: first }]),
    extend: () => store.extend?.([{ id, leaseTimeout: LEASE_TIMEOUT }]),
    retry: () => store.retry([{ items: [{ id, dead: false }] }], rules),
    import: () => store.import([imported], EXPIRE_TIMEOUT),
    importKeyed: () => store.importKeyed?.(importing),
    delete: () => store.delete(first),
    deleteSeen: () => store.deleteSeen?.([{ id, state: 'waiting', attempts: 0 }]),
    makeDue: () => store.makeDue?.(ids),
    deleteEach: () => store.deleteEach?.(first),
    'clear of everything': () => store.clear({ waiting: true, leased: true, scheduled: true }),
    'clear of waiting items': () => store.clear({ waiting: true, leased: false, scheduled: false }),
    sweep: () => store.sweep({ ...rules, limit: 10, claimTimeout: LEASE_TIMEOUT }),
    markMoved: () => store.markMoved(ids),
    remove: () => store.remove(ids),
    prepareLetters: () => store.prepareLetters([deadLetter('z')], timeouts),
    commitLetters: () => store.commitLetters(['letter']),
    abortLetters: () => store.abortLetters(['letter']),
    takeItems: () => store.takeItems?.({ ...taken, target: { queue: 'to', partition: 0 } }),
    markTaken: () => store.markTaken?.(taken),
    returnTaken: () => store.returnTaken?.(taken),
    removeTaken: () => store.removeTaken?.(taken),
  };
}

/** Adds an item in each state, some with details. */
async function fillWithEveryState(script: PartitionScript): Promise<void> {
  const metadata = new Map([
    ['k', 'v'],
    ['"', '\u00e9'],
  ]);
  const source = {
    ...{ queue: 'from', queueCreatedAt: instantFromMicroseconds(5n), partition: 2, id: 'i', attempts: 3 },
    ...{ producedAt: instantFromMicroseconds(7n), error: 'why' },
    death: { at: instantFromMicroseconds(9n), reason: 'expired' as const },
  };
  const details = { firstId: 'first', metadata, error: 'last', source };
  await script.import('leased', { isLeased: true, leaseDeadline: script.in('30s'), attempts: 2, details });
  const held = await script.store.list({ state: 'queued', pivot: '', limit: 1 });
  const extension = { id: held[0]?.id as ItemId, leaseTimeout: LEASE_TIMEOUT, maxHold: HOUR };
  await script.store.extend?.([extension]);
  const dead = await script.addMoving('dead');
  await script.addMoved('moved');
  await script.prepare('letter');
  await script.produce('taken');
  const waiting = (await script.queued()).filter(({ isLeased }) => !isLeased).map(({ id }) => id);
  await script.store.takeItems?.({ task: 'task', ids: waiting, target: { queue: 'to "x"', partition: 1 } });
  await script.store.markTaken?.({ task: 'task', ids: [dead] });
  await script.produceItems([newItem('taken later', script.in('90m'))]);
  const scheduled = (await script.scheduled()).map(({ id }) => id);
  const taken = { task: 'task', ids: scheduled, target: { queue: 'to', partition: 0 } };
  await script.store.takeItems?.({ ...taken, state: 'scheduled' });
  const copy = { ...deadLetter('copy'), dueAt: script.in('100m'), details };
  const timeouts = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };
  await script.store.prepareLetters([copy], timeouts);
  await script.import('waiting', { sourceId: 'source', attempts: 1, maxAttempts: 4, details });
  await script.produceItems([newItem('plain'), newItem('scheduled', script.in('2h'))]);
  await script.import('imported', { leaseDeadline: script.in('5m') });
  await script.import('later', { enqueueAt: script.in('3h'), details });
}
