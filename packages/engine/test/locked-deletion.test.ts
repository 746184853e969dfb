import { StorageError } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { createService } from '../src/index.ts';
import { item, queueCall, watch } from './support/harness.ts';

/** A service on a storage whose partitions may be locked. */
function held() {
  const clock = new ManualClock();
  const memory = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  const waiting: { partition: number; end: (error?: StorageError) => void }[] = [];
  const partitionStore = memory.partitionStore.bind(memory);
  memory.partitionStore = (key, owner) => {
    const untilDroppable = () =>
      new Promise<void>((resolve, reject) => {
        const end = (error?: StorageError) => (error === undefined ? resolve() : reject(error));
        waiting.push({ partition: key.partition, end });
      });
    return Object.assign(partitionStore(key, owner), { untilDroppable });
  };
  const storage = new FaultyStorage(memory);
  const service = createService({
    clock,
    random: new SeededRandom(),
    queueStore: storage.queueStore(),
    storages: [{ backend: storage, affinity: 1 }],
  });
  const settle = () => clock.advance('0');
  const produce = () => service.queue.produce({ queueName: 'q', requestTimeout: '1m', items: [item('a')] });
  const lease = (clientId: string) =>
    service.queue.lease({ queueName: 'q', requestTimeout: '10m', clientId, batchSize: 1 });
  return { storage, service, waiting, settle, produce, lease };
}

test('a queue whose partitions another session locks serves until they can be dropped', async () => {
  const { service, waiting, settle, produce, lease, storage } = held();
  await service.queues.create(queueCall('q', { requestedPartitions: 2 }));
  const consumer = watch(lease('first'));
  const deleted = watch(service.queues.delete('q', false));
  await settle();
  await produce();
  await settle();
  expect(consumer.state).toBe('fulfilled');
  const late = watch(lease('second'));
  waiting[0]?.end();
  await settle();
  expect(waiting.map(({ partition }) => partition)).toEqual([0, 1]);
  expect([late.state, deleted.state, storage.count('drop')]).toEqual(['pending', 'pending', 0]);
  waiting[1]?.end();
  await settle();
  expect(deleted.state).toBe('fulfilled');
  expect(late.error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
});

test.each([
  [
    'another session locks a partition for too long',
    true,
    'queue is in use; another session has locked its items, nothing was deleted, try again later',
  ],
  ['storage refuses to drop a partition', false, 'internal error, try your request again'],
] as const)('a queue stays as it is when its deletion fails: %s', async (_, locked, message) => {
  const { service, waiting, settle, produce, lease, storage } = held();
  await service.queues.create(queueCall('q', { requestedPartitions: 2 }));
  const consumer = watch(lease('first'));
  const deleted = watch(service.queues.delete('q', false));
  await settle();
  const cause = new StorageError('held by session 1', { outcome: 'not-applied', locked });
  waiting[0]?.end(cause);
  await settle();
  expect(deleted.error).toMatchObject({ code: 'retry', message, cause });
  expect([waiting.length, storage.count('drop'), consumer.state]).toEqual([1, 0, 'pending']);
  await produce();
  await settle();
  expect(consumer.state).toBe('fulfilled');
});
