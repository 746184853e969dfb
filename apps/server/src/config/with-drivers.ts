import type { StorageDriver } from '@querator/core';
import { namedDrivers } from '../backends.ts';
import { driverFaults } from './check-rules.ts';
import { ConfigError, formatPath } from './config-error.ts';
import { storagesOf } from './queue-storage.ts';
import type { Config } from './schema.ts';

/**
 * Settings with further drivers, by their own names. A program may have made the settings
 * itself, so the options of all storages are checked.
 *
 * @throws ConfigError if a storage has no driver, or options that its driver refuses.
 * @throws TypeError see `givenDrivers`.
 */
export function withDrivers(config: Config, given: readonly StorageDriver[] = []): Config {
  const drivers = new Map([...config.drivers, ...namedDrivers(given)]);
  const loaded = { drivers, faults: new Map<string, string>() };
  const faults = storagesOf(config).flatMap((storage) => driverFaults([storage.name], storage, loaded));
  if (faults.length === 0) return { ...config, drivers };
  throw new ConfigError(faults.map(({ path, message }) => `${formatPath(path)}: ${message}`).join('\n  '));
}
