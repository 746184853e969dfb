import { addDuration, instantFromMicroseconds, type PartitionPlacement, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const MOVING = { to: 'third "x"', task: 'task', generation: 2, attempt: 1 };

/** Changes of placements through the optional method of the queue store. */
function placing({ queues }: Fixture) {
  const { place } = queues;
  if (place === undefined) throw new Error('the driver claims `moves`, and its queue store has no place');
  return place.bind(queues);
}

/** What `QueueStore.place` promises. */
export function describePlacing(test: StorageTest): void {
  describe('queue store: placements', () => {
    // "Only that placement and `updatedAt` change"
    test.ifCapable('moves', 'change one by one, and keep what else is stored', async (fixture) => {
      const place = placing(fixture);
      const { queues, clock } = fixture;
      const queue = await queues.create(newQueue(fixture.name()));
      const until = addDuration(clock.now(), parseDuration('1h'));
      await queues.pause?.(queue.name, { lease: { until } });
      await clock.advance('1s');
      const pauses = (await queues.get(queue.name))?.pauses;
      const change = (number: number, placement: PartitionPlacement) =>
        place(queue.name, queue.createdAt, number, () => placement);
      for (const [number, placement] of [
        [0, { partition: 0, storageName: 'first', moving: MOVING }],
        [1, { partition: 1, storageName: 'first', moving: { ...MOVING, attempt: 3 } }],
        [0, { partition: 0, storageName: 'third "x"' }],
      ] as const) {
        const stored = await change(number, placement);
        expect(stored?.partitions[number]).toEqual(placement);
        expect(stored).toEqual(await queues.get(queue.name));
        expect(stored).toMatchObject({ updatedAt: clock.now(), createdAt: queue.createdAt });
      }
      const { partitions, updatedAt, ...rest } = (await queues.get(queue.name)) ?? queue;
      expect(partitions.map(({ storageName }) => storageName)).toEqual(['third "x"', 'first']);
      expect({ ...rest, partitions: queue.partitions, updatedAt: queue.updatedAt }).toEqual(
        pauses === undefined ? queue : { ...queue, pauses },
      );
      await queues.update(queue.name, (stored) => ({ ...stored, reference: 'other' }));
      expect((await queues.get(queue.name))?.partitions).toEqual(partitions);
    });

    // "undefined if there is none of that name and creation time, or no such partition"; "nothing was changed"
    test.ifCapable('moves', 'stay if there is no such partition, or the change fails', async (fixture) => {
      const place = placing(fixture);
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const move = (placement: PartitionPlacement) => ({ ...placement, storageName: 'third' });
      const earlier = instantFromMicroseconds(queue.createdAt - 1n);
      expect(await place(fixture.name(), queue.createdAt, 0, move)).toBeUndefined();
      expect(await place(queue.name, earlier, 0, move)).toBeUndefined();
      expect(await place(queue.name, queue.createdAt, 2, move)).toBeUndefined();
      const fail = () => {
        throw new Error('no');
      };
      await expect(place(queue.name, queue.createdAt, 0, fail)).rejects.toThrow('no');
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
    });

    // "in one step": of changes that look at each other, none is lost
    test.ifCapable('moves', 'change in one step each', async (fixture) => {
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const stores = [fixture.queues];
      if (fixture.backend.capabilities.shared) stores.push((await fixture.open()).queueStore());
      const raise = ({ moving, ...placement }: PartitionPlacement) => ({
        ...placement,
        moving: { ...MOVING, attempt: (moving?.attempt ?? 0) + 1 },
      });
      const calls = Array.from({ length: 20 }, (_, n) =>
        stores[n % stores.length]?.place?.(queue.name, queue.createdAt, 0, raise),
      );
      await Promise.all(calls);
      expect((await fixture.queues.get(queue.name))?.partitions[0]?.moving?.attempt).toBe(20);
    });
  });
}
