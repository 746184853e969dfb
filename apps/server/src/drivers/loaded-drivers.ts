import { driverFault, type StorageDriver } from '@querator/core';

/** The drivers of others that a configuration may use, by the name that it uses for them. */
export interface LoadedDrivers {
  readonly drivers: ReadonlyMap<string, StorageDriver>;
  /** Why a driver cannot be used, by the same name. */
  readonly faults: ReadonlyMap<string, string>;
}

export const NO_DRIVERS: LoadedDrivers = { drivers: new Map(), faults: new Map() };

/**
 * Drivers that a program passes to the server, by their own names.
 *
 * @param taken the names of the server's own drivers.
 * @throws TypeError if one is no storage driver, or has the name of another.
 */
export function givenDrivers(
  drivers: readonly StorageDriver[],
  taken: ReadonlySet<string>,
): ReadonlyMap<string, StorageDriver> {
  const named = new Map<string, StorageDriver>();
  for (const driver of drivers) {
    const fault = driverFault(driver);
    if (fault !== undefined) throw new TypeError(`a value of 'drivers' ${fault}`);
    if (taken.has(driver.name)) {
      throw new TypeError(`'drivers' has a driver '${driver.name}', which is a name of the server's own`);
    }
    if (named.has(driver.name)) throw new TypeError(`'drivers' has two drivers '${driver.name}'`);
    named.set(driver.name, driver);
  }
  return named;
}
