import { driverFault, type StorageDriver } from '@querator/core';
import type { LoadedDrivers } from './loaded-drivers.ts';
import { DriverFault, firstLine, resolveDriver } from './resolve-driver.ts';

/**
 * Loads drivers of others. Loading runs the code of the package with all rights of this
 * process, so only names of the configuration may be passed.
 *
 * @param names packages or paths.
 * @param folder of the configuration file.
 * @param known drivers that need not be loaded.
 */
export async function loadDrivers(
  names: Iterable<string>,
  { folder, known }: { readonly folder: string; readonly known: ReadonlyMap<string, StorageDriver> },
): Promise<LoadedDrivers> {
  const drivers = new Map(known);
  const faults = new Map<string, string>();
  for (const name of names) {
    if (drivers.has(name) || faults.has(name)) continue;
    try {
      drivers.set(name, await loadDriver(name, folder));
    } catch (error) {
      if (!(error instanceof DriverFault)) throw error;
      faults.set(name, error.message);
    }
  }
  return { drivers, faults };
}

/** @throws DriverFault */
async function loadDriver(name: string, folder: string): Promise<StorageDriver> {
  const url = resolveDriver(name, folder);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(url);
  } catch (error) {
    throw new DriverFault(`cannot be loaded: ${firstLine(error)}`);
  }
  const exported = exportedDriver(module);
  if (exported === undefined) {
    throw new DriverFault("is no storage driver: it has no export of the name 'driver'");
  }
  const fault = driverFault(exported);
  if (fault !== undefined) throw new DriverFault(fault);
  return exported as StorageDriver;
}

/** Node finds the names of a CommonJS module's exports only if they are written in a usual way. */
function exportedDriver(module: Readonly<Record<string, unknown>>): unknown {
  const { driver, default: whole } = module;
  return driver ?? (whole as { readonly driver?: unknown } | undefined)?.driver;
}
