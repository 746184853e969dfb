import {
  type PartitionStore,
  type StorageBackend,
  type StorageCapabilities,
  SystemClock,
  SystemRandom,
} from '@querator/core';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { markdownTable } from './markdown-table.ts';

/** The optional members of a type. */
type OptionalMembers<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** What the engine does without a member. A member that is new in a port fails to compile here. */
const STORE_MEMBERS: Readonly<Record<OptionalMembers<PartitionStore>, string>> = {
  produceAndLease: 'items for waiting consumers are stored first and leased by a second call',
  untilDroppable: 'deleting a queue never waits for other sessions',
};
const BACKEND_MEMBERS: Readonly<Record<OptionalMembers<StorageBackend>, string>> = {
  poll: 'a process with waiting consumers leases and sweeps each partition at every poll',
  signals: 'processes learn from polls alone what others did: within a second instead of 50 ms',
};
const CAPABILITIES: Readonly<Record<keyof StorageCapabilities, readonly [meaning: string, without: string]>> =
  {
    durable: [
      'items survive the end of the process',
      'the server warns at its start. Queues in memory with items in a durable storage are refused',
    ],
    shared: ['several processes may use the storage at once', '`--workers` above 1 is refused'],
  };

/** The drivers of the server. Creating a backend connects to nothing. */
function backends(): readonly StorageBackend[] {
  const random = new SystemRandom();
  return [
    memoryBackend({ name: 'memory', clock: new SystemClock(), random }),
    postgresBackend({
      name: 'postgres',
      connectionString: 'postgres://localhost',
      registry: new PoolRegistry(),
      random,
    }),
  ];
}

/** What each driver can do. */
export function capabilityTable(): string {
  const drivers = backends();
  return markdownTable(
    ['capability', ...drivers.map(({ name }) => `\`${name}\``), 'if it is missing'],
    Object.entries(CAPABILITIES).map(([name, [meaning, without]]) => [
      `\`${name}\`: ${meaning}`,
      ...drivers.map(({ capabilities }) => yesOrNo(capabilities[name as keyof StorageCapabilities])),
      without,
    ]),
  );
}

/** The optional members of the ports, and which driver has them. */
export function optionalMemberTable(): string {
  const drivers = backends();
  const stores = drivers.map((driver) => driver.partitionStore({ queue: 'any', partition: 0 }));
  const rows = (port: string, members: Readonly<Record<string, string>>, objects: readonly object[]) =>
    Object.entries(members).map(([member, without]) => [
      `\`${port}.${member}\``,
      ...objects.map((object) => yesOrNo(hasMember(object, member))),
      without,
    ]);
  return markdownTable(
    ['member', ...drivers.map(({ name }) => `\`${name}\``), 'without it'],
    [...rows('PartitionStore', STORE_MEMBERS, stores), ...rows('StorageBackend', BACKEND_MEMBERS, drivers)],
  );
}

function hasMember(object: object, member: string): boolean {
  return (object as Readonly<Record<string, unknown>>)[member] !== undefined;
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
