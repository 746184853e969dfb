import {
  CAPABILITY_NAMES,
  type PartitionStore,
  STORAGE_CAPABILITIES,
  type StorageBackend,
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
  produceKeyedAndLease:
    'items with dedup keys for waiting consumers are stored first and leased by a second call',
  produceFromOutbox: 'see the capability `outbox`',
  importKeyed: 'see the capability `dedup`',
  sweepKeys: 'see the capability `dedup`',
  countKeys: 'see the capability `dedup`',
  readKeys: 'see the capability `dedup`',
  storeKeys: 'see the capability `dedup`',
  extend: 'see the capability `extend`',
  transfer: 'see the capability `transfer`',
  transferTarget: 'see the capability `transfer`',
  takeItems: 'see the capability `take`',
  takenItems: 'see the capability `take`',
  markTaken: 'see the capability `take`',
  returnTaken: 'see the capability `take`',
  removeTaken: 'see the capability `take`',
  findLetters: 'queues keep at least the partitions that they had before their first resize',
  find: 'see the capability `find`',
  deleteSeen: 'tasks of the kind `delete` fail',
  makeDue: 'tasks of the kind `retry` fail',
  lastId: 'tasks of the kind `retry` fail',
  deleteEach: '`/v2/items.delete` is refused',
  untilDroppable: 'a deletion does not wait for sessions that lock a table of the queue',
  dropEmpty: 'see the capability `closures`',
};
const BACKEND_MEMBERS: Readonly<Record<OptionalMembers<StorageBackend>, string>> = {
  accessStore: 'see the capability `access`',
  instanceStore: 'see the capability `instances`',
  auditStore: 'see the capability `audit`',
  scheduleStore: 'see the capability `schedules`',
  taskStore: 'see the capability `tasks`',
  rateStore: 'see the capability `rates`',
  moveStore: 'see the capability `moves`',
  hasOutbox: 'see the capability `outbox`',
  poll: 'see the capability `polls`',
  countSmall: 'see the capability `counts`',
  now: 'see the capability `clock`',
  signals: 'see the capability `signals`',
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
    ['capability', 'meaning', ...drivers.map(({ name }) => `\`${name}\``), 'without it'],
    CAPABILITY_NAMES.map((name) => [
      `\`${name}\``,
      STORAGE_CAPABILITIES[name].meaning,
      ...drivers.map(({ capabilities }) => yesOrNo(capabilities[name] === true)),
      STORAGE_CAPABILITIES[name].without,
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
