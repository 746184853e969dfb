import { claimedCapabilities } from '@querator/core';
import type { ServerInfoResponse, ServerStorage } from '@querator/protocol';
import { driverOf } from '../backends.ts';
import type { NamedStorage } from './queue-storage.ts';
import type { Config } from './schema.ts';

/** The storages of a server, as `server.info` shows them. */
export type DescribedStorages = Pick<ServerInfoResponse, 'storages' | 'queueStorage'>;

/** Describes the storages of a configuration without calling them. */
export function describedStorages(config: Config): DescribedStorages {
  const storages = config['partition-storage'].map((storage) => ({
    ...describe(config, storage),
    affinity: storage.affinity,
    drain: storage.drain === true,
  }));
  const queues = config['queue-storage'];
  return {
    storages,
    queueStorage:
      'driver' in queues
        ? describe(config, { name: 'queue-storage', ...queues })
        : storages.find(({ name }) => name === queues.partitionStorage),
  };
}

function describe(config: Config, storage: NamedStorage): ServerStorage {
  const { name, driver } = storage;
  const capabilities = [...claimedCapabilities(driverOf(config, storage).capabilities)];
  return { name, driver, affinity: 0, drain: false, capabilities };
}
