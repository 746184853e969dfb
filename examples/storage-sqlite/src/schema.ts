/**
 * One table each for the items of all partitions, for the queues that own
 * partitions, for queues, for queues that are being deleted, for records of
 * deleted queues, and for one number.
 *
 * - Instants are microseconds and durations nanoseconds, as in core: both fit
 *   SQLite's integers of 64 bits.
 * - `due_at` is the next deadline of an item; in each state there is exactly one.
 * - Texts are compared by their bytes, which is SQLite's default.
 * - In SQLite no two nulls are equal. So the unique index on source ids ignores
 *   items without one.
 * - A separate row provides the number for ids, so that ids keep growing after
 *   all items are removed.
 */
export const SCHEMA = `
  create table if not exists items (
    partition text not null,
    id text not null,
    source_id text,
    state text not null check (state in ('waiting', 'leased', 'scheduled', 'prepared', 'moving', 'moved')),
    due_at integer not null,
    idle_lease_deadline integer,
    attempts integer not null,
    max_attempts integer not null,
    created_at integer not null,
    expire_deadline integer not null,
    encoding text not null,
    kind text not null,
    reference text not null,
    payload blob not null,
    primary key (partition, id),
    unique (partition, source_id)
  ) strict;
  create index if not exists items_by_state on items (partition, state, id);
  create index if not exists items_by_deadline on items (partition, due_at, id);

  create table if not exists owners (partition text primary key, created_at integer not null) strict;

  create table if not exists queues (
    name text primary key,
    namespace text not null,
    lease_timeout integer not null,
    expire_timeout integer not null,
    dead_queue text not null,
    max_attempts integer not null,
    reference text not null,
    requested_partitions integer not null,
    partitions text not null,
    created_at integer not null,
    updated_at integer not null
  ) strict;

  create table if not exists endings (name text primary key, ends_at integer not null) strict;

  create table if not exists deleted_queues (
    name text not null,
    created_at integer not null,
    done_at integer,
    primary key (name, created_at)
  ) strict;

  create table if not exists last_id (sequence integer not null) strict;
  insert into last_id select 0 where not exists (select * from last_id);
`;
