import { parseDuration } from '@querator/core';
import { DRIVERS, type DriverConfig, OUTBOX_DRIVER } from '../backends.ts';
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
 */
export function checkRules(config: ConfigFile, readFiles: boolean): ConfigFault[] {
  const storages = config['partition-storage'];
  const queues = config['queue-storage'];
  const faults: ConfigFault[] = [
    ...tlsFaults(config, readFiles),
    ...addressFaults(config),
    ...auditFaults(config),
    ...(queues === undefined ? [] : driverFaults(['queue-storage'], queues)),
    ...mixtureFaults(config),
    ...storages.flatMap((storage, i) => driverFaults(['partition-storage', i], storage)),
    ...doubledNames('partition-storage', storages),
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
    const config = { 'connection-string': connection };
    const isSame = (other: (typeof outbox)[number]) =>
      other.schema === schema && other['connection-string'] === connection;
    return [
      ...(DRIVERS.get(OUTBOX_DRIVER)?.check(config) ?? []).map(({ key, message }) => ({
        path: [...path, key],
        message,
      })),
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

function driverFaults(
  path: ConfigPath,
  { driver, config }: { readonly driver: string; readonly config: DriverConfig },
): ConfigFault[] {
  const found = DRIVERS.get(driver);
  if (found === undefined) {
    const names = [...DRIVERS.keys()].join(', ');
    return [{ path: [...path, 'driver'], message: `invalid driver; '${driver}' is not one of (${names})` }];
  }
  return found.check(config).map(({ key, message }) => ({ path: [...path, 'config', key], message }));
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
