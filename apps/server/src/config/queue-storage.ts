import { DRIVERS } from '../backends.ts';
import type { ConfigFault } from './config-error.ts';
import type { Config, ConfigFile, QueueStorageConfig } from './schema.ts';

/**
 * Chooses the storage of queues if the file does not: the first durable
 * partition storage, or memory if there is none.
 */
export function resolveQueueStorage(file: ConfigFile): Config {
  const durable = firstDurable(file);
  const chosen = durable === undefined ? IN_MEMORY : { partitionStorage: durable };
  return { ...file, 'queue-storage': file['queue-storage'] ?? chosen };
}

/** Refuses queues in memory with durable items: a restart would lose the queues and keep their items. */
export function mixtureFaults(file: ConfigFile): ConfigFault[] {
  const durable = firstDurable(file);
  const queues = file['queue-storage'];
  if (durable === undefined || queues === undefined || isDurable(queues)) return [];
  return [
    {
      path: ['queue-storage', 'driver'],
      message:
        `'${queues.driver}' loses the queues at each restart, and storage '${durable}' keeps their items; ` +
        `leave queue-storage out to keep the queues in '${durable}', or give it a durable driver`,
    },
  ];
}

/** The drivers of all storages, each with the name that messages use. */
export function storagesOf(config: Config): readonly { readonly name: string; readonly driver: string }[] {
  const queues = config['queue-storage'];
  const own = 'driver' in queues ? [{ name: 'queue-storage', driver: queues.driver }] : [];
  return [...own, ...config['partition-storage']];
}

/** Whether the contents of a storage with this driver survive the end of the process. */
export function isDurable({ driver }: { readonly driver: string }): boolean {
  return DRIVERS.get(driver)?.capabilities.durable === true;
}

const IN_MEMORY: QueueStorageConfig = { driver: 'memory', config: {} };

function firstDurable(file: ConfigFile): string | undefined {
  return file['partition-storage'].find(isDurable)?.name;
}
