import { type Queue, QueueError } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { createService, type Service } from '../src/index.ts';
import { queueCall, watch } from './support/harness.ts';

describe('the record of a deleted queue', () => {
  const clock = new ManualClock();
  let storage: FaultyStorage;
  let service: Service;

  function newService(storages: readonly FaultyStorage[]): Service {
    return createService({
      clock,
      random: new SeededRandom(),
      queueStore: storage.queueStore(),
      storages: storages.map((backend) => ({ backend, affinity: 1 })),
    });
  }
  beforeEach(() => {
    storage = new FaultyStorage(memoryBackend({ name: 'mem', clock, random: new SeededRandom() }));
    service = newService([storage]);
  });

  const create = (): Promise<Queue> => service.queues.create(queueCall('q'));
  const isNoted = ({ createdAt }: Queue) => storage.queueStore().wasDeleted('q', createdAt);

  test('is removed once every partition is gone', async () => {
    const queue = await create();
    const goOn = storage.holdQueues('delete');
    const deleting = watch(service.queues.delete('q', false));
    await clock.advance('0');
    expect(await isNoted(queue)).toBe(true);
    goOn();
    await clock.advance('0');
    expect(deleting.state).toBe('fulfilled');
    expect(await isNoted(queue)).toBe(false);
  });

  test('stays while it is uncertain whether every partition is gone', async () => {
    const queue = await create();
    const goOn = storage.holdQueues('delete');
    const deleting = watch(service.queues.delete('q', false));
    await clock.advance('0');
    storage.fail('drop', 0, 'not-applied');
    goOn();
    await clock.advance('0');
    expect(deleting.state).toBe('fulfilled');
    expect(await isNoted(queue)).toBe(true);
  });

  test('stays when partitions are left on a storage that is not configured', async () => {
    const queue = await create();
    const other = new FaultyStorage(memoryBackend({ name: 'other', clock, random: new SeededRandom() }));
    await newService([other]).queues.delete('q', true);
    expect(await isNoted(queue)).toBe(true);
  });

  test('is not needed for the deletion to succeed', async () => {
    const queue = await create();
    const goOn = storage.holdQueues('delete');
    const deleting = watch(service.queues.delete('q', false));
    await clock.advance('0');
    storage.cutQueues();
    goOn();
    await clock.advance('0');
    expect(deleting.state).toBe('fulfilled');
    storage.healQueues();
    expect(await isNoted(queue)).toBe(true);
  });

  test('does not exist for a queue whose deletion was refused', async () => {
    const queue = await create();
    storage.fail('drop', 0, 'not-applied');
    await expect(service.queues.delete('q', false)).rejects.toBeInstanceOf(QueueError);
    expect(await isNoted(queue)).toBe(false);
  });
});
