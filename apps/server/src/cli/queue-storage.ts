import { type Clock, type Random, SharedResources, type StorageBackend, silentLogger } from '@querator/core';
import { driverOf, type StorageDeps } from '../backends.ts';
import type { Config } from '../config/schema.ts';

/** The dependencies of drivers in a command that works without a server. */
export function commandDeps(given: { readonly clock: Clock; readonly random: Random }): StorageDeps {
  return { ...given, logger: silentLogger, shared: new SharedResources() };
}

/** Opens the storage of the queues that a configuration names. The caller closes it. */
export function openQueueStorage(
  config: Config,
  given: { readonly clock: Clock; readonly random: Random },
): StorageBackend {
  return createQueueStorage(config, commandDeps(given));
}

/** Creates the storage of the queues that a configuration names. */
export function createQueueStorage(config: Config, deps: StorageDeps): StorageBackend {
  const chosen = config['queue-storage'];
  const name = 'driver' in chosen ? 'queue-storage' : chosen.partitionStorage;
  const place = 'driver' in chosen ? chosen : config['partition-storage'].find((each) => each.name === name);
  if (place === undefined) throw new Error(`no such storage: '${name}'`);
  return driverOf(config, place).create({ ...deps, name });
}
