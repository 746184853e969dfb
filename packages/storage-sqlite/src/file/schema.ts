import { StorageError } from '@querator/core';
import type { Connection } from './connection.ts';

/** Marks a SQLite file as one of this driver: "Qrat" in ASCII. */
const APPLICATION_ID = 0x51726174n;

/**
 * The changes of the schema, the oldest first. A file knows how many of them it has
 * (`user_version`), and gets the others when it is opened.
 *
 * - Instants are microseconds and durations nanoseconds, as in core: both fit SQLite's
 *   integers of 64 bits.
 * - Texts are compared by their bytes, which is SQLite's default.
 * - `seq` is the number in the id of an item, in the range of the partition (`PartitionPlace`). It
 *   is SQLite's own key of a row, so new items are appended at the end of the table, whatever their
 *   partition. Every index ends with it, so the items of a partition in one state are in the order of ids.
 * - `due` is the next deadline of an item: in each state there is exactly one.
 * - A removed row leaves its indexes at once. So items in other states, and items that
 *   were removed, cost a lease nothing.
 */
const VERSIONS: readonly string[] = [
  `
  create table partitions (
    id integer primary key autoincrement,
    queue text not null,
    number integer not null,
    created_at integer,
    emptied integer not null default 0,
    unique (queue, number)
  ) strict;
  create table dropped_partitions (id integer primary key) strict;

  create table items (
    seq integer primary key,
    partition integer not null,
    state integer not null,
    due integer not null,
    tail text not null,
    attempts integer not null,
    max_attempts integer not null,
    created_at integer not null,
    expire_deadline integer not null,
    idle_lease_deadline integer,
    source_id text,
    encoding text not null,
    kind text not null,
    reference text not null,
    kept text,
    payload blob not null
  ) strict;
  create index items_by_state on items (partition, state);
  create index items_by_due on items (partition, due);
  create unique index items_by_source on items (partition, source_id) where source_id is not null;

  create table keys (
    partition integer not null,
    key text not null,
    ends_at integer not null,
    ids text not null,
    primary key (partition, key)
  ) strict, without rowid;
  create index keys_by_end on keys (partition, ends_at);

  create table numbers (name text primary key, value integer not null) strict, without rowid;
  insert into numbers values ('reserved_seq', 0), ('write_checks', 0);

  create table queues (
    name text primary key,
    namespace text not null,
    lease_timeout integer not null,
    expire_timeout integer not null,
    dead_queue text not null,
    max_attempts integer not null,
    reference text not null,
    requested_partitions integer not null,
    partitions text not null,
    pauses text not null,
    ends_at integer,
    closure text,
    closed_until integer,
    created_at integer not null,
    updated_at integer not null
  ) strict, without rowid;
  create index queues_by_namespace on queues (namespace, name);
  create index queues_by_dead_queue on queues (dead_queue, name) where dead_queue <> '';

  create table deleted_queues (
    name text not null,
    created_at integer not null,
    primary key (name, created_at)
  ) strict, without rowid;

  create table namespaces (
    name text primary key,
    description text not null,
    api_key_tag text not null,
    created_at integer not null
  ) strict, without rowid;

  create table users (
    id text primary key,
    username text not null unique,
    external_id text not null,
    email text not null,
    created_at integer not null,
    updated_at integer not null
  ) strict, without rowid;

  create table api_keys (
    id text primary key,
    user_id text not null,
    name text not null,
    namespace_scope text not null,
    hash text not null unique,
    previous_hash text unique,
    previous_valid_until integer,
    prefix text not null,
    expires_at integer,
    last_used_at integer,
    created_at integer not null
  ) strict, without rowid;
  create index api_keys_by_user on api_keys (user_id, id);
  create index api_keys_by_scope on api_keys (namespace_scope, id);

  create table roles (
    id text primary key,
    namespace text not null,
    name text not null,
    permissions text not null,
    created_at integer not null,
    unique (namespace, name)
  ) strict, without rowid;
  create index roles_by_namespace on roles (namespace, id);

  create table role_bindings (
    id text primary key,
    user_id text not null,
    namespace text not null,
    role_id text not null,
    created_at integer not null,
    unique (user_id, namespace, role_id)
  ) strict, without rowid;
  create index role_bindings_by_user on role_bindings (user_id, id);
  create index role_bindings_by_namespace on role_bindings (namespace, id);
  create index role_bindings_by_role on role_bindings (role_id, id);

  create table quotas (
    kind text not null,
    name text not null,
    limits text not null,
    primary key (kind, name)
  ) strict, without rowid;
  insert into numbers values ('access_generation', 0);

  create table audit_events (
    at integer not null,
    call_id text not null,
    ended integer not null,
    namespace text not null,
    user_id text not null,
    username text not null,
    action text not null,
    event text not null,
    unique (call_id, ended)
  ) strict;
  create index audit_events_by_time on audit_events (at, call_id, ended);
  create index audit_events_by_namespace on audit_events (namespace, at, call_id, ended);

  create table tasks (
    id text primary key,
    state text not null,
    namespace text not null,
    kind text not null,
    queue text not null,
    exclusive text,
    created_at integer not null,
    resume_at integer not null,
    claimed_until integer,
    ended_at integer,
    waits_since integer not null,
    record text not null,
    parameters text not null,
    checkpoint text
  ) strict, without rowid;
  create index tasks_by_state on tasks (state, waits_since);
  create index tasks_by_creation on tasks (created_at, id);
  create index tasks_by_end on tasks (ended_at) where ended_at is not null;

  create table schedules (
    id text primary key,
    namespace text not null,
    name text not null,
    queue_name text not null,
    queue_created_at integer not null,
    look_at integer,
    claim integer not null,
    attempted_at integer,
    record text not null,
    payload blob not null,
    unique (namespace, name)
  ) strict, without rowid;
  create index schedules_by_look on schedules (look_at) where look_at is not null;
  `,
  // Moves of partitions to other storages.
  `
  alter table partitions add column range integer not null default 0;
  alter table partitions add column gate text;
  alter table partitions add column task text;
  alter table partitions add column generation integer;
  alter table partitions add column begun integer;
  alter table dropped_partitions add column range integer not null default 0;
  create table changes (
    number integer primary key autoincrement,
    partition integer not null,
    kind text not null,
    name text not null,
    unique (partition, kind, name)
  ) strict;
  create index changes_by_partition on changes (partition);
  insert into numbers values ('file', random());
  `,
  // What happened to queues.
  `
  create table rates (
    minute integer not null,
    queue text not null,
    produced integer not null,
    leased integer not null,
    completed integer not null,
    retried integer not null,
    dead integer not null,
    primary key (minute, queue)
  ) strict, without rowid;
  `,
  // What only servers may know.
  `
  create table secrets (name text primary key, value text not null) strict, without rowid;
  `,
  // The lowest spread of dedup keys that a partition takes.
  `
  alter table partitions add column key_spread integer not null default 0;
  `,
  // What queues held, beside what happened to them, as JSON.
  `
  alter table rates add column depth text;
  `,
];

/** The records of this process, which end with it. */
const IN_MEMORY = `
  create temp table instances (
    id text primary key,
    record text not null,
    started_at integer not null,
    heartbeat_at integer not null
  ) strict;
`;

/** @throws StorageError unless this driver made the file. */
export function assertOurs(connection: Connection, file: string): void {
  const row = connection.get<{ application_id: bigint }>('pragma application_id');
  if (row?.application_id !== APPLICATION_ID) throw refused(file, 'another program made it');
}

/** Makes the tables of a new file, and those that a file of an earlier version lacks. */
export function prepareSchema(connection: Connection, file: string): void {
  const version = Number(connection.get<{ user_version: bigint }>('pragma user_version')?.user_version);
  if (version > VERSIONS.length) {
    throw refused(file, `it was written by a later version of Querator (schema ${version})`);
  }
  const isNew = connection.get('select 1 from sqlite_schema limit 1') === undefined;
  if (!isNew) assertOurs(connection, file);
  connection.exec(IN_MEMORY);
  if (version === VERSIONS.length) return;
  connection.exec('begin immediate');
  try {
    for (const sql of VERSIONS.slice(version)) connection.exec(sql);
    connection.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${VERSIONS.length}`);
    connection.exec('commit');
  } catch (error) {
    connection.exec('rollback');
    throw error;
  }
}

function refused(file: string, why: string): StorageError {
  return new StorageError(`file '${file}': ${why}`, { outcome: 'not-applied' });
}
