import { SystemClock, SystemRandom } from '@querator/core';
import { createService, type Service } from '@querator/engine';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { sqliteBackend } from '@querator/storage-sqlite';
import { answerOrders } from '../processes/answer-orders.ts';
import { measureStorage, type StorageWork } from './measure-storage.ts';

/** The storage of the service. Both kinds sync each commit. */
export type StoragePlace =
  | { readonly driver: 'sqlite'; readonly path: string }
  | { readonly driver: 'postgres'; readonly connectionString: string; readonly maxConns: number };

let service: Service | undefined;
let queues = 0;

const commands = {
  async start(place: StoragePlace): Promise<void> {
    if (service !== undefined) return;
    const deps = { clock: new SystemClock(), random: new SystemRandom() };
    const name = place.driver;
    const backend =
      place.driver === 'sqlite'
        ? sqliteBackend({ ...deps, ...place, name })
        : postgresBackend({ ...deps, ...place, name, registry: new PoolRegistry() });
    const storages = [{ backend, affinity: 1 }];
    const { signals } = backend;
    service = createService({
      ...{ ...deps, queueStore: backend.queueStore(), storages },
      ...(signals && { queueSignals: signals }),
    });
  },

  /** Does the work on a new queue. @returns items per second. */
  async run(work: StorageWork): Promise<number> {
    if (service === undefined) throw new Error('the service was not started');
    const queueName = `bench-storages-${++queues}`;
    await service.queues.create({
      ...{ queueName, namespace: '', requestedPartitions: 1, leaseTimeout: '10m', expireTimeout: '1h' },
      ...{ deadQueue: '', maxAttempts: 0, reference: '' },
    });
    try {
      return await measureStorage(service, queueName, work);
    } finally {
      await service.queues.delete(queueName, true);
    }
  },
};

/** The commands of a process with the service on one storage. */
export type StorageCommands = typeof commands;

answerOrders(commands);
