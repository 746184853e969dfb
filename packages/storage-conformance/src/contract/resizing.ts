import {
  addDuration,
  instantFromMicroseconds,
  type PartitionPlacement,
  parseDuration,
  type Queue,
  type QueueSize,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, importedItem, newItem } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { CLAIM, fateOf, MovingPartition } from '../fixture/moving-partition.ts';
import { newQueue } from '../fixture/new-queue.ts';
import { EXPIRE_TIMEOUT, LEASE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const CURRENT = { task: 'task', generation: 2, partitions: 4 };
const MORE: readonly PartitionPlacement[] = [
  { partition: 2, storageName: 'third "x"' },
  { partition: 3, storageName: 'first' },
];

/** Changes of the number of partitions through the optional method of the queue store. */
function resizing({ queues }: Fixture) {
  const { resize } = queues;
  if (resize === undefined)
    throw new Error('the driver claims `resize`, and its queue store has no such call');
  return resize.bind(queues);
}

/** What `QueueStore.resize` and `MoveStore.readmit` promise. */
export function describeResizing(test: StorageTest): void {
  describe('queue store: the number of partitions', () => {
    // "Partitions that it had before keep their placement"; "all else stays"
    test.ifCapable('resize', 'grows and shrinks, and what else is stored stays', async (fixture) => {
      const resize = resizing(fixture);
      const { queues, clock } = fixture;
      const queue = await queues.create(newQueue(fixture.name()));
      const until = addDuration(clock.now(), parseDuration('1h'));
      const paused = await queues.pause?.(queue.name, { lease: { until } });
      await clock.advance('1s');
      const { pauses } = (await queues.get(queue.name)) ?? {};
      const kept = { ...queue, ...(paused && { pauses }) };
      const change = (size: (stored: Queue) => QueueSize) => resize(queue.name, queue.createdAt, size);
      const noted = { last: '', current: CURRENT, spread: [2] };
      const same = await change(({ partitions }) => ({ partitions, resizes: noted }));
      expect(same).toEqual({ ...kept, resizes: noted, updatedAt: clock.now() });
      expect(await queues.get(queue.name)).toEqual(same);
      const resizes = { last: 'task', spread: [2] };
      const moved = queue.partitions.map((each) => ({ ...each, storageName: 'nowhere' }));
      const grown = await change(() => ({ partitions: [...moved, ...MORE], resizes }));
      const partitions = [...queue.partitions, ...MORE];
      expect(grown).toEqual({ ...same, partitions, resizes, requestedPartitions: 4 });
      expect(await queues.get(queue.name)).toEqual(grown);
      const counts = await queues.partitionCounts();
      expect(counts.get('third "x"')).toBe(1);
      await queues.update(queue.name, (stored) => ({ ...stored, reference: 'other' }));
      await queues.place?.(queue.name, queue.createdAt, 0, (placement) => placement);
      expect(await queues.get(queue.name)).toEqual({ ...grown, reference: 'other' });
      const shrunk = await change((stored) => ({
        partitions: stored.partitions.slice(0, 1),
        resizes: { last: 'another', spread: [2, 1] },
      }));
      expect(shrunk).toMatchObject({
        partitions: queue.partitions.slice(0, 1),
        requestedPartitions: 1,
        resizes: { last: 'another', spread: [2, 1] },
      });
      expect(await queues.get(queue.name)).toEqual(shrunk);
    });

    // "undefined if there is none of that name and creation time"; "nothing was changed"
    test.ifCapable('resize', 'stays if there is no such queue, or the change fails', async (fixture) => {
      const resize = resizing(fixture);
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const size = { partitions: [...queue.partitions, ...MORE], resizes: { last: 'task', spread: [2] } };
      const earlier = instantFromMicroseconds(queue.createdAt - 1n);
      expect(await resize(fixture.name(), queue.createdAt, () => size)).toBeUndefined();
      expect(await resize(queue.name, earlier, () => size)).toBeUndefined();
      const fail = () => {
        throw new Error('no');
      };
      await expect(resize(queue.name, queue.createdAt, fail)).rejects.toThrow('no');
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
    });

    // "in one step": of changes that look at each other, none is lost
    test.ifCapable('resize', 'changes in one step each', async (fixture) => {
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const stores = [fixture.queues];
      if (fixture.backend.capabilities.shared) stores.push((await fixture.open()).queueStore());
      const raise = ({ partitions, resizes }: Queue): QueueSize => ({
        partitions,
        resizes: { last: `${resizes?.last ?? ''}x`, spread: [2] },
      });
      const calls = Array.from({ length: 20 }, (_, n) =>
        stores[n % stores.length]?.resize?.(queue.name, queue.createdAt, raise),
      );
      await Promise.all(calls);
      expect((await fixture.queues.get(queue.name))?.resizes?.last).toBe('x'.repeat(20));
    });
  });

  describe('a partition that its queue is to lose', () => {
    // "Calls that add items fail, all others work."
    test.ifCapable('resize', 'takes no more items, and gives out those that it has', async (fixture) => {
      const { source, from } = new MovingPartition(fixture);
      const { store } = source;
      await source.produce('a', 'b', 'c', 'd');
      const batch = { limit: 1, leaseTimeout: LEASE_TIMEOUT };
      const [first] = await store.lease(batch);
      expect(await from.beginLeaving?.(CLAIM)).toBe(true);
      expect(await from.resume(CLAIM)).toBe('leaving');
      const produced = [{ items: [newItem('x')] }];
      const keyed = [{ groups: [{ key: 'k', items: [newItem('x')] }], window: LEASE_TIMEOUT }];
      const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' } as const;
      const timeouts = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: LEASE_TIMEOUT };
      const adding = [
        source.produce('x'),
        store.produceAndLease?.(produced, EXPIRE_TIMEOUT, batch),
        store.produceKeyed?.(keyed, options),
        store.produceKeyedAndLease?.(keyed, options, batch),
        store.prepareLetters([deadLetter('x')], timeouts),
        store.import([importedItem('x')], EXPIRE_TIMEOUT),
      ];
      const fates = await Promise.all(adding.flatMap((call) => (call === undefined ? [] : [fateOf(call)])));
      expect(new Set(fates)).toEqual(new Set(['closed']));
      const [second] = await store.lease(batch);
      const again = { id: first?.id ?? '', dead: false };
      await store.retry([{ items: [again] }], { maxAttempts: 0, dead: 'move' });
      await store.complete([{ ids: [second?.id ?? ''] }]);
      expect(await source.queuedTexts()).toEqual(['c', 'd', 'a']);
      const { items } = await from.readItems(CLAIM, undefined, 10);
      expect(items).toHaveLength(3);
      await store.clear({ waiting: true, leased: true, scheduled: true });
      expect((await from.readItems(CLAIM, undefined, 1)).items).toEqual([]);
      await from.leave(CLAIM);
      await from.end(CLAIM);
      expect(await fateOf(source.produce('x'))).toBe('closed');
      await expect(from.beginLeaving?.({ task: 'another', generation: 1 })).rejects.toThrow(/is not there/);
    });

    // "A call of an older generation fails", "is a plain partition again", "or is taken over"
    test.ifCapable('resize', 'is a plain one again if its queue keeps it', async (fixture) => {
      const { source, from } = new MovingPartition(fixture);
      await from.beginLeaving?.(CLAIM);
      expect(await from.beginLeaving?.({ ...CLAIM, generation: 2 })).toBe(true);
      await expect(from.beginLeaving?.(CLAIM)).rejects.toMatchObject({ stale: true });
      expect(await fateOf(from.leave(CLAIM))).toBe('stale');
      expect(await fateOf(from.end(CLAIM))).toBe('stale');
      await from.end({ ...CLAIM, generation: 2 });
      await source.produce('a');
      expect(await source.queuedTexts()).toEqual(['a']);
    });
  });

  describe('a partition that has left', () => {
    // "it is a plain, empty partition", "Any other partition stays as it is."
    test.ifCapable('resize', 'can be used again', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.produce('a');
      await moving.begin();
      await moving.copy();
      await moving.from.readmit?.();
      expect(await moving.from.resume(CLAIM)).toBe('copying');
      await moving.switchOver();
      await moving.to.readmit?.();
      expect(await moving.to.resume(CLAIM)).toBe('open');
      // The process of the move may have died before it emptied the source.
      await moving.from.readmit?.();
      await moving.from.readmit?.();
      await moving.source.produce('b');
      await moving.from.readmit?.();
      expect([await moving.source.queuedTexts(), await moving.target.queuedTexts()]).toEqual([['b'], ['a']]);
      expect(await moving.from.begin({ task: 'task-4', generation: 1 }, 'source')).toMatchObject({
        state: 'copying',
      });
    });
  });
}
