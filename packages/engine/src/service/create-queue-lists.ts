import type { QueueStore, RateStore } from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionStorage } from '../manager/placements.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import { DepthSamples } from '../rates/depth-samples.ts';
import { QueueCounter } from '../sampling/queue-counter.ts';
import { QueueDirectory } from '../sampling/queue-directory.ts';
import { QueueSampler } from '../sampling/queue-sampler.ts';
import { QueueListsService } from './queue-lists-service.ts';

/** Creates the lists of queues with counts, and what counts them. Starts nothing. */
export function createQueueLists(
  { clock, logger }: Pick<EngineDeps, 'clock' | 'logger'>,
  {
    manager,
    storages,
    store,
    rates,
  }: {
    readonly manager: QueueManager;
    readonly storages: readonly PartitionStorage[];
    readonly store: Pick<QueueStore, 'wasDeleted'>;
    readonly rates: RateStore | undefined;
  },
) {
  const directory = new QueueDirectory({ clock, read: (request) => manager.list(request) });
  const counter = new QueueCounter({
    ...{ clock, logger },
    storages: new Map(storages.map(({ backend }) => [backend.name, backend])),
    wasDeleted: (name, createdAt) => store.wasDeleted(name, createdAt),
  });
  const sampler = new QueueSampler({ clock, directory, counter });
  const depths = new DepthSamples({
    ...{ clock, counter, sampler },
    find: (name) => {
      const queue = manager.runningQueue(name)?.queue;
      return queue && { ...queue, storages: queue.partitions.map(({ storageName }) => storageName) };
    },
  });
  const service = new QueueListsService({ clock, manager, directory, sampler, rates });
  return { service, directory, sampler, depths };
}
