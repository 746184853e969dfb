import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import type { PartitionStorage } from '../src/index.ts';
import { createService } from '../src/index.ts';
import { queueCall } from './support/harness.ts';

test('queues of one partition are distributed over storages of the same affinity, also after a restart', async () => {
  const [clock, random] = [new ManualClock(), new SeededRandom()];
  const storages: PartitionStorage[] = ['one', 'two', 'closed'].map((name) => ({
    backend: memoryBackend({ name, clock, random }),
    affinity: name === 'closed' ? 0 : 1,
  }));
  const queueStore = memoryBackend({ name: 'queues', clock, random }).queueStore();
  const places: string[] = [];
  for (const process of ['first', 'second']) {
    const service = createService({ clock, random, queueStore, storages });
    for (let n = 0; n < 8; n++) {
      const { partitions } = await service.queues.create(queueCall(`${process}-${n}`));
      places.push(...partitions.map(({ storageName }) => storageName));
    }
    await service.shutdown();
  }
  expect(places).toEqual(Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? 'one' : 'two')));
});
