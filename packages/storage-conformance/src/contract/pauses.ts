import { addDuration, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const FOREVER = { until: undefined, left: undefined };

/** Pauses through the optional method of the queue store. */
function pausing({ queues }: Fixture) {
  const { pause } = queues;
  if (pause === undefined) throw new Error('the queue store has no pause');
  return pause.bind(queues);
}

/** What `QueueStore.pause` promises. */
export function describePauses(test: StorageTest): void {
  describe('queue store: pauses', () => {
    // the capability is true
    test('has the method if the driver claims it', async ({ backend, queues }) => {
      expect(queues.pause !== undefined).toBe(backend.capabilities.pause === true);
    });

    // "What is not named keeps its pause. The settings stay, and `updatedAt` becomes now."
    test.ifCapable('pause', 'starts and ends pauses one by one', async (fixture) => {
      const pause = pausing(fixture);
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      await fixture.clock.advance('1s');
      const stored = { ...queue, updatedAt: fixture.clock.now() };
      const paused = { ...stored, pauses: { produce: FOREVER } };
      expect(await pause(queue.name, { produce: { until: undefined } })).toEqual(paused);
      expect(await fixture.queues.get(queue.name)).toEqual(paused);
      await pause(queue.name, { lease: { until: undefined } });
      expect(await fixture.queues.get(queue.name)).toMatchObject({
        pauses: { produce: FOREVER, lease: FOREVER },
      });
      await pause(queue.name, { produce: 'resume' });
      expect((await fixture.queues.get(queue.name))?.pauses).toEqual({ lease: FOREVER });
      expect(await pause(queue.name, { lease: 'resume', produce: 'resume' })).toEqual(stored);
      expect(await fixture.queues.get(queue.name)).toEqual(stored);
    });

    // "A pause ends by itself at its `until`", by the storage's clock
    test.ifCapable('pause', 'ends a pause at its time, and says how long it still lasts', async (fixture) => {
      const pause = pausing(fixture);
      const { name, namespace } = await fixture.queues.create(newQueue(fixture.name()));
      const until = addDuration(fixture.clock.now(), parseDuration('1m0.5s'));
      await pause(name, { lease: { until } });
      await fixture.clock.advance('1m');
      const left = { lease: { until, left: parseDuration('500ms') } };
      expect((await fixture.queues.get(name))?.pauses).toEqual(left);
      expect((await fixture.queues.list({ namespace, pivot: name, limit: 1 }))[0]?.pauses).toEqual(left);
      await fixture.clock.advance('500ms');
      expect((await fixture.queues.get(name))?.pauses).toBeUndefined();
    });

    // a later pause replaces the earlier one
    test.ifCapable('pause', 'replaces a pause', async (fixture) => {
      const pause = pausing(fixture);
      const { name } = await fixture.queues.create(newQueue(fixture.name()));
      const until = addDuration(fixture.clock.now(), parseDuration('1h'));
      await pause(name, { produce: { until: undefined } });
      await pause(name, { produce: { until } });
      expect((await fixture.queues.get(name))?.pauses).toMatchObject({ produce: { until } });
      await pause(name, { produce: { until: undefined } });
      expect((await fixture.queues.get(name))?.pauses).toEqual({ produce: FOREVER });
    });

    // "@throws QueueError `invalid` if an `until` has passed … Then nothing was changed."
    test.ifCapable('pause', 'refuses a time that has passed', async (fixture) => {
      const pause = pausing(fixture);
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const passed = pause(queue.name, {
        produce: { until: undefined },
        lease: { until: fixture.clock.now() },
      });
      await expect(passed).rejects.toMatchObject({
        code: 'invalid',
        message: 'until is invalid; it must be in the future',
      });
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
    });

    // "`update` keeps the pauses, and a deletion ends them"
    test.ifCapable('pause', 'keeps pauses in an update, and ends them with the queue', async (fixture) => {
      const pause = pausing(fixture);
      const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
      await pause(name, { produce: { until: undefined } });
      const updated = await fixture.queues.update(name, (stored) => ({ ...stored, reference: 'other' }));
      expect(updated).toMatchObject({ reference: 'other', pauses: { produce: FOREVER } });
      const timeout = parseDuration('1m');
      await fixture.queues.beginDelete(name, createdAt, { timeout, check: () => {} });
      expect((await fixture.queues.get(name))?.pauses).toEqual({ produce: FOREVER });
      await fixture.queues.delete(name, createdAt);
      await fixture.queues.create(newQueue(name));
      expect((await fixture.queues.get(name))?.pauses).toBeUndefined();
    });

    // "undefined if there is none of that name"
    test.ifCapable('pause', 'finds no missing queue', async (fixture) => {
      expect(await pausing(fixture)(fixture.name(), { lease: { until: undefined } })).toBeUndefined();
    });
  });
}
