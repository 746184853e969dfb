import { type Clock, type Random, type StorageBackend, silentLogger } from '@querator/core';
import { PoolRegistry } from '@querator/storage-postgres';
import { DRIVERS, type DriverDeps } from '../backends.ts';
import type { Config } from '../config/schema.ts';

/** The dependencies of drivers in a command that works without a server. */
export function commandDeps(given: { readonly clock: Clock; readonly random: Random }): DriverDeps {
  return { ...given, logger: silentLogger, pools: new PoolRegistry() };
}

/** Opens the storage of the queues that a configuration names. The caller closes it. */
export function openQueueStorage(
  config: Config,
  given: { readonly clock: Clock; readonly random: Random },
): StorageBackend {
  return createQueueStorage(config, commandDeps(given));
}

/** Creates the storage of the queues that a configuration names. */
export function createQueueStorage(config: Config, deps: DriverDeps): StorageBackend {
  const chosen = config['queue-storage'];
  const name = 'driver' in chosen ? 'queue-storage' : chosen.partitionStorage;
  const place = 'driver' in chosen ? chosen : config['partition-storage'].find((each) => each.name === name);
  const driver = place && DRIVERS.get(place.driver);
  if (driver === undefined) throw new Error(`no such storage: '${name}'`);
  return driver.create(name, place?.config ?? {}, deps);
}
