import { parseDuration } from '@querator/core';
import { findDriver, OWN_DRIVERS, outboxDriver } from '../backends.ts';
import type { StorageSettings } from '../drivers/configured-driver.ts';
import type { LoadedDrivers } from '../drivers/loaded-drivers.ts';
import type { ConfigFault, ConfigPath } from './config-error.ts';
import { mixtureFaults } from './queue-storage.ts';
import type { ConfigFile } from './schema.ts';
import { tlsFaults } from './tls-rules.ts';

/** The shortest time for which audit events can be kept. */
const SHORTEST_KEEP = parseDuration('1h');

/**
 * Checks what the schema cannot: that names are unique or known, the options of drivers, and files.
 *
 * @param readFiles false: the files of certificates are not looked at.
 * @param loaded the drivers of others that the settings name.
 */
export function checkRules(config: ConfigFile, readFiles: boolean, loaded: LoadedDrivers): ConfigFault[] {
  const storages = config['partition-storage'];
  const queues = config['queue-storage'];
  const faults: ConfigFault[] = [
    ...tlsFaults(config, readFiles),
    ...addressFaults(config),
    ...auditFaults(config),
    ...(queues === undefined ? [] : driverFaults(['queue-storage'], queues, loaded)),
    ...mixtureFaults(config, loaded),
    ...storages.flatMap((storage, i) => driverFaults(['partition-storage', i], storage, loaded)),
    ...doubledNames('partition-storage', storages),
    ...drainFaults(config),
    ...doubledNames('queues', config.queues),
    ...outboxFaults(config),
    ...config.queues.flatMap((queue, i) =>
      (queue.partitions ?? []).flatMap((placement, nth) =>
        placementFaults(['queues', i, 'partitions', nth], placement, nth, config),
      ),
    ),
  ];
  if (storages.every(({ affinity }) => affinity === 0)) {
    faults.push({
      path: ['partition-storage', 0, 'affinity'],
      message: 'no storage takes partitions; at least one needs an affinity above 0',
    });
  }
  return faults;
}

function addressFaults({ address, 'admin-address': adminAddress }: ConfigFile): ConfigFault[] {
  if (adminAddress !== address || address.endsWith(':0')) return [];
  return [{ path: ['admin-address'], message: "is the same as 'address'; expected another port" }];
}

/** A typing error such as 90s must not remove what was to be kept for 90 days. */
function auditFaults({ audit }: ConfigFile): ConfigFault[] {
  if (parseDuration(audit.keep) >= SHORTEST_KEEP) return [];
  return [{ path: ['audit', 'keep'], message: 'expected at least 1h' }];
}

/** With access control, a relay has to act as a user. Without it, there are no users. */
function outboxFaults({ outbox, 'auth-backend': { driver } }: ConfigFile): ConfigFault[] {
  return outbox.flatMap(({ 'connection-string': connection, schema, user }, i): ConfigFault[] => {
    const path = ['outbox', i] as const;
    const isSame = (other: (typeof outbox)[number]) =>
      other.schema === schema && other['connection-string'] === connection;
    return [
      ...outboxDriver({ 'connection-string': connection })
        .faults()
        .map((fault) => ({ path: [...path, ...fault.path], message: fault.message })),
      ...(driver === 'internal' && user === undefined
        ? [
            {
              path: [...path, 'user'],
              message: 'required with access control: the user who produces the items',
            },
          ]
        : []),
      ...(driver === 'none' && user !== undefined
        ? [
            {
              path: [...path, 'user'],
              message: "has no meaning without access control (auth-backend 'internal')",
            },
          ]
        : []),
      ...(outbox.findIndex(isSame) === i ? [] : [{ path: [...path], message: 'is listed more than once' }]),
    ];
  });
}

/** The faults of the driver of a storage, and of its options. */
export function driverFaults(
  path: ConfigPath,
  storage: StorageSettings,
  { drivers, faults }: LoadedDrivers,
): ConfigFault[] {
  const { driver } = storage;
  const found = findDriver({ drivers }, storage);
  if (found !== undefined) {
    return found
      .faults()
      .map((fault) => ({ path: [...path, 'config', ...fault.path], message: fault.message }));
  }
  const names = [...OWN_DRIVERS.keys(), ...drivers.keys()].join(', ');
  const fault = faults.get(driver);
  const reason = fault === undefined ? '' : `, and the package or file '${driver}' ${fault}`;
  return [
    { path: [...path, 'driver'], message: `invalid driver; '${driver}' is not one of (${names})${reason}` },
  ];
}

/** A storage that is to become empty takes no partitions. */
function drainFaults({ 'partition-storage': storages, queues }: ConfigFile): ConfigFault[] {
  const taking = storages.flatMap(({ drain, affinity }, i): ConfigFault[] => {
    if (drain !== true || affinity === 0) return [];
    const message = 'a storage that drains gets no partitions; expected affinity: 0 beside it';
    return [{ path: ['partition-storage', i, 'drain'], message }];
  });
  const draining = new Set(storages.filter(({ drain }) => drain).map(({ name }) => name));
  const placed = queues.flatMap(({ partitions = [] }, i) =>
    partitions.flatMap(({ 'storage-name': name }, nth): ConfigFault[] => {
      if (!draining.has(name)) return [];
      const message = `storage '${name}' drains; name another one, or leave out 'partitions'`;
      return [{ path: ['queues', i, 'partitions', nth, 'storage-name'], message }];
    }),
  );
  return [...taking, ...placed];
}

function doubledNames(list: string, entries: readonly { readonly name: string }[]): ConfigFault[] {
  return entries.flatMap(({ name }, i) =>
    entries.findIndex((other) => other.name === name) === i
      ? []
      : [{ path: [list, i, 'name'], message: `'${name}' is used more than once` }],
  );
}

function placementFaults(
  path: ConfigPath,
  placement: { readonly partition: number; readonly 'storage-name': string },
  expected: number,
  config: ConfigFile,
): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (placement.partition !== expected) {
    faults.push({
      path: [...path, 'partition'],
      message: `expected ${expected}: partitions are numbered from 0 without holes`,
    });
  }
  const storageName = placement['storage-name'];
  if (!config['partition-storage'].some(({ name }) => name === storageName)) {
    faults.push({
      path: [...path, 'storage-name'],
      message: `invalid partition storage; '${storageName}' is undefined`,
    });
  }
  return faults;
}
