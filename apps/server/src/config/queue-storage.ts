import { findDriver, type WithDrivers } from '../backends.ts';
import type { StorageSettings } from '../drivers/configured-driver.ts';
import type { ConfigFault } from './config-error.ts';
import type { Config, ConfigFile, QueueStorageConfig } from './schema.ts';

/**
 * Chooses the storage of queues if the file does not: the first durable
 * partition storage, or memory if there is none.
 */
export function resolveQueueStorage(file: ConfigFile, { drivers }: WithDrivers): Config {
  const durable = firstDurable(file, { drivers });
  const chosen = durable === undefined ? IN_MEMORY : { partitionStorage: durable };
  return { ...file, 'queue-storage': file['queue-storage'] ?? chosen, drivers };
}

/** Refuses queues in memory with durable items: a restart would lose the queues and keep their items. */
export function mixtureFaults(file: ConfigFile, drivers: WithDrivers): ConfigFault[] {
  const durable = firstDurable(file, drivers);
  const queues = file['queue-storage'];
  if (durable === undefined || queues === undefined || isDurable(drivers, queues)) return [];
  return [
    {
      path: ['queue-storage', 'driver'],
      message:
        `'${queues.driver}' loses the queues at each restart, and storage '${durable}' keeps their items; ` +
        `leave queue-storage out to keep the queues in '${durable}', or give it a durable driver`,
    },
  ];
}

/** A storage with the name that messages use. */
export type NamedStorage = StorageSettings & { readonly name: string };

/** All storages. */
export function storagesOf(config: Config): readonly NamedStorage[] {
  const queues = config['queue-storage'];
  const own = 'driver' in queues ? [{ name: 'queue-storage', ...queues }] : [];
  return [...own, ...config['partition-storage']];
}

/** Whether the contents of a storage survive the end of the process. */
export function isDurable(drivers: WithDrivers, storage: StorageSettings): boolean {
  return findDriver(drivers, storage)?.capabilities.durable === true;
}

const IN_MEMORY: QueueStorageConfig = { driver: 'memory', config: {} };

function firstDurable(file: ConfigFile, drivers: WithDrivers): string | undefined {
  return file['partition-storage'].find((storage) => isDurable(drivers, storage))?.name;
}
