import type { DriverDeps, Outbox, StorageDriver } from '@querator/core';
import { driver as memory } from '@querator/storage-memory';
import { driver as postgres, postgresOutbox, postgresPools } from '@querator/storage-postgres';
import { driver as sqlite } from '@querator/storage-sqlite';
import { ConfiguredDriver, type StorageSettings } from './drivers/configured-driver.ts';
import { givenDrivers } from './drivers/loaded-drivers.ts';

/** What all storages of a server get. Each gets its name too. */
export type StorageDeps = Omit<DriverDeps, 'name'>;

/** The server's own drivers, by their names in the configuration file. No other file names one. */
export const OWN_DRIVERS: ReadonlyMap<string, StorageDriver> = new Map(
  ([memory, postgres, sqlite] as const).map((driver): [string, StorageDriver] => [driver.name, driver]),
);

/** The drivers of others that a configuration uses, by the names that it uses for them. */
export interface WithDrivers {
  readonly drivers: ReadonlyMap<string, StorageDriver>;
}

/** Drivers that a program passes to the server. @throws TypeError see `givenDrivers`. */
export function namedDrivers(drivers: readonly StorageDriver[]): ReadonlyMap<string, StorageDriver> {
  return givenDrivers(drivers, new Set(OWN_DRIVERS.keys()));
}

/** The driver of a storage. Undefined: the configuration has no driver of that name. */
export function findDriver({ drivers }: WithDrivers, storage: StorageSettings): ConfiguredDriver | undefined {
  const driver = OWN_DRIVERS.get(storage.driver) ?? drivers.get(storage.driver);
  return driver && new ConfiguredDriver(driver, storage);
}

/** The driver of a storage of a checked configuration. */
export function driverOf(config: WithDrivers, storage: StorageSettings): ConfiguredDriver {
  const driver = findDriver(config, storage);
  if (driver === undefined) throw new Error(`no such driver: '${storage.driver}'`);
  return driver;
}

/** The settings of an outbox that its driver knows. */
interface OutboxSettings {
  readonly 'connection-string': string;
  readonly schema: string;
}

/** The driver of the database of an outbox. */
export function outboxDriver({
  'connection-string': connection,
}: Pick<OutboxSettings, 'connection-string'>): ConfiguredDriver {
  return new ConfiguredDriver(postgres, { config: { 'connection-string': connection } });
}

/** Opens an outbox with checked settings. Connects at its first call. */
export function createOutbox(
  { 'connection-string': connectionString, schema }: OutboxSettings,
  deps: StorageDeps,
): Outbox {
  const { random, logger } = deps;
  return postgresOutbox({ connectionString, schema, registry: postgresPools(deps), random, logger });
}
