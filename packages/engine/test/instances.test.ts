import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { createService, type Service } from '../src/index.ts';
import { Harness, queueCall, watch } from './support/harness.ts';

/** Another instance on the same storage. */
function another({ clock, storage }: Harness): Service {
  return createService({
    clock,
    random: new SeededRandom(2),
    queueStore: storage.queueStore(),
    storages: [{ backend: storage, affinity: 1 }],
  });
}

test('a queue that another instance deleted can be created anew at once', async () => {
  const h = new Harness();
  await h.create('q');
  const waiting = watch(h.lease('q'));
  await h.settle();
  await another(h).queues.delete('q', false);
  await h.clock.advance('1ms');
  await h.create('q', { leaseTimeout: '7s' });
  await h.settle();
  expect(waiting.error?.message).toBe('queue is shutting down');
  await h.produce('q', ['a']);
  const { items } = await h.lease('q');
  expect(items[0]?.leaseDeadline).toBe(h.clock.now() + 7_000_000n);
});

test('a queue that another instance has only changed cannot be created again', async () => {
  const h = new Harness();
  await h.create('q');
  await h.produce('q', ['a']);
  await h.clock.advance('1ms');
  await another(h).queues.update(queueCall('q', { leaseTimeout: '7s' }));
  await expect(h.create('q')).rejects.toThrow("invalid queue; 'q' already exists");
  const { items } = await h.lease('q');
  expect(items[0]?.leaseDeadline).toBe(h.clock.now() + 7_000_000n);
});

test('an update of a queue that another instance deleted and created anew ends the work on the old queue', async () => {
  const h = new Harness();
  await h.create('q');
  const waiting = watch(h.lease('q'));
  await h.settle();
  const other = another(h);
  await other.queues.delete('q', false);
  await h.clock.advance('1ms');
  await other.queues.create(queueCall('q'));
  await h.service.queues.update(queueCall('q', { leaseTimeout: '7s' }));
  await h.settle();
  expect(waiting.error?.message).toBe('queue is shutting down');
});
