import {
  type PartitionStore,
  type StorageBackend,
  type StorageCapabilities,
  SystemClock,
  SystemRandom,
} from '@querator/core';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { sqliteBackend } from '@querator/storage-sqlite';
import { markdownTable } from './markdown-table.ts';

/** The optional members of a type. */
type OptionalMembers<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** How the engine works without a member. A new optional member of a port needs an entry here to compile. */
const STORE_MEMBERS: Readonly<Record<OptionalMembers<PartitionStore>, string>> = {
  produceAndLease: 'items for waiting consumers are stored first and leased by a second call',
  produceKeyed: 'see the capability `dedup`',
  produceFromOutbox: 'see the capability `outbox`',
  importKeyed: 'see the capability `dedup`',
  sweepKeys: 'see the capability `dedup`',
  countKeys: 'see the capability `dedup`',
  extend: '`/v2/queue.extend` is refused',
  transfer: 'items cannot be moved to another queue',
  transferTarget: 'as without `transfer`',
  takeItems: 'items cannot be moved to a queue on another storage',
  takenItems: 'as without `takeItems`',
  markTaken: 'as without `takeItems`',
  returnTaken: 'as without `takeItems`',
  removeTaken: 'as without `takeItems`',
  find: 'see the capability `find`',
  deleteSeen: 'tasks of the kind `delete` fail',
  deleteEach: '`/v2/items.delete` is refused',
  untilDroppable: 'a deletion does not wait for sessions that lock a table of the queue',
  dropEmpty: 'a deletion of an empty queue loses items that another process stores meanwhile',
};
const BACKEND_MEMBERS: Readonly<Record<OptionalMembers<StorageBackend>, string>> = {
  accessStore: 'the storage cannot keep users and their rights',
  instanceStore:
    'each process takes itself for the only one: limits are not shared, and features of v2 do not wait for an older server to end',
  auditStore: 'the storage cannot keep audit events: `audit.table` is refused',
  scheduleStore: 'queues that are stored here have no schedules: `/v2/schedules.create` is refused',
  taskStore: 'see the capability `tasks`',
  hasOutbox: 'see the capability `outbox`',
  poll: 'a process with waiting consumers leases and sweeps each partition at every poll',
  now: 'a task takes the items that are older than itself by the clock of the queues',
  signals: 'a process learns of changes by others from polls only: within a second instead of 50 ms',
};
const CAPABILITIES: Readonly<Record<keyof StorageCapabilities, readonly [meaning: string, without: string]>> =
  {
    durable: [
      'items survive the end of the process',
      'the server warns when it starts. It refuses to keep queues here if items are in a durable storage',
    ],
    shared: ['several processes may use the storage at once', 'the server refuses `--workers` above 1'],
    dedup: [
      'items can be produced under dedup keys',
      'a produce with a dedup key is refused if its partition is in this storage',
    ],
    metadata: [
      'items keep metadata, their first id, the last error, and the source of dead letters',
      'calls that need metadata answer `unavailable`; dead letters lose it',
    ],
    tasks: ['tasks are kept beside the queues', 'tasks are refused'],
    outbox: [
      'rows of an outbox in the same database become items in one transaction',
      'the relay moves rows as if they came from another database: under a dedup key',
    ],
    pause: ['queues that are stored here can be paused', '`/v2/queues.pause` is refused'],
    find: [
      'items can be found by filters, with a bounded amount of work per call',
      'calls that find items are refused if a partition of the queue is in this storage',
    ],
  };

/** The drivers of the server. Creating a backend connects to nothing. */
function backends(): readonly StorageBackend[] {
  const random = new SystemRandom();
  return [
    memoryBackend({ name: 'memory', clock: new SystemClock(), random }),
    sqliteBackend({ name: 'sqlite', path: 'queues.db', clock: new SystemClock(), random }),
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
      ...drivers.map(({ capabilities }) => yesOrNo(capabilities[name as keyof StorageCapabilities] === true)),
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
