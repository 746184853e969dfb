import { type LogFields, StorageError, silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { createService } from '../src/index.ts';
import { backOffMs } from '../src/partition/back-off.ts';
import { Harness, queueCall, watch } from './support/harness.ts';

test('pauses between probes grow by half, up to five seconds', () => {
  expect([1, 2, 3, 4, 5, 6].map((failures) => Math.round(backOffMs(failures)))).toEqual([
    750, 1125, 1688, 2531, 3797, 5000,
  ]);
  // The delay must not overflow after many failures.
  expect([58, 59, 1_000].map(backOffMs)).toEqual([5_000, 5_000, 5_000]);
});

test('a failure is logged when its cause is new, and when the number of failures has doubled', async () => {
  const h = new Harness();
  const logged: unknown[] = [];
  const log = (message: string, fields?: LogFields) => {
    if (message === 'partition is failing') logged.push([fields?.['failures'], String(fields?.['err'])]);
  };
  const service = createService({
    clock: h.clock,
    random: new SeededRandom(2),
    queueStore: h.storage.queueStore(),
    logger: { ...silentLogger, warn: log },
    storages: [{ backend: h.storage, affinity: 1 }],
  });
  await service.queues.create(queueCall('q'));
  const causes = ['held by session 1', 'held by session 2', 'no space', 'no space', 'no space', 'no space'];
  const partitionStore = h.storage.partitionStore.bind(h.storage);
  h.storage.partitionStore = (...args) => {
    const probe = async () => {
      const cause = causes.shift();
      if (cause !== undefined) throw new StorageError(cause, { outcome: 'not-applied' });
      return { nextDueMs: undefined } as never;
    };
    return { ...partitionStore(...args), probe };
  };
  const info = watch(service.queue.reload('q'));
  await h.clock.advance('1m');
  expect(info.state).toBe('fulfilled');
  expect(causes).toEqual([]);
  expect(logged).toEqual([
    [1, 'StorageError: held by session 1'],
    [2, 'StorageError: held by session 2'],
    [3, 'StorageError: no space'],
    [4, 'StorageError: no space'],
  ]);
});
