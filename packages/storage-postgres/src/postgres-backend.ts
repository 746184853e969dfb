import {
  type AccessStore,
  type AuditStore,
  type Clock,
  guardedLogger,
  type InstanceStore,
  type Logger,
  type MoveStore,
  type PartitionKey,
  type PartitionOwner,
  type PartitionStore,
  type QueueStore,
  type Random,
  type RateStore,
  type ScheduleStore,
  type StorageBackend,
  type StorageCapabilities,
  silentLogger,
  type TaskStore,
} from '@querator/core';
import { PostgresAccessStore } from './access/access-store.ts';
import { PostgresAuditStore } from './audit/audit-store.ts';
import type { PasswordFunction } from './connection/passwords.ts';
import { Database } from './database/database.ts';
import { TableCalls } from './database/table-calls.ts';
import { TableSchema } from './database/table-schema.ts';
import { PostgresInstanceStore } from './instances/instance-store.ts';
import { LowWaterMarks } from './low-water-mark/low-water-marks.ts';
import { MarksTable } from './low-water-mark/saved-marks.ts';
import { PostgresMoveStore } from './moves/postgres-move-store.ts';
import { countSmall } from './operations/count-small.ts';
import { HorizonHolders } from './operations/horizon-holders.ts';
import { Measures } from './operations/measure.ts';
import { now } from './operations/now.ts';
import { ping } from './operations/ping.ts';
import { poll } from './operations/poll.ts';
import { hasOutbox } from './operations/produce-from-outbox.ts';
import { ReadableTables } from './operations/readable-tables.ts';
import { PostgresPartitionStore } from './partition-store.ts';
import type { PoolRegistry } from './pool/pool-registry.ts';
import { PostgresQueueStore } from './queue-store.ts';
import { codeOfDeletions, DeletionRecords } from './queues/deletion-records.ts';
import { PostgresRateStore } from './rates/rate-store.ts';
import { PostgresScheduleStore } from './schedules/schedule-store.ts';
import { checkIds } from './schema/id-sequence-repair.ts';
import { SchemaManager } from './schema/schema-manager.ts';
import { ownerOf } from './schema/table-owner.ts';
import { DEFAULT_TIME_LIMITS, type TimeLimits } from './settings/time-limits.ts';
import { nowParameter, PartitionTable } from './sql/partition-table.ts';
import { PostgresTaskStore } from './tasks/task-store.ts';

/** What a storage on PostgreSQL can do. */
export const POSTGRES_CAPABILITIES: StorageCapabilities = {
  durable: true,
  shared: true,
  polls: true,
  counts: true,
  signals: true,
  extend: true,
  dedup: true,
  metadata: true,
  find: true,
  transfer: true,
  take: true,
  outbox: true,
  clock: true,
  pause: true,
  closures: true,
  tasks: true,
  moves: true,
  resize: true,
  schedules: true,
  rates: true,
  instances: true,
  access: true,
  audit: true,
};

/** Options of a PostgreSQL backend. */
export interface PostgresBackendOptions {
  /** The name by which queues refer to it. */
  readonly name: string;
  /** `postgres://user:password@host:port/database?options`. */
  readonly connectionString: string;
  /**
   * Returns the password for a new connection, such as a token that expires. Called each
   * time a server asks for one, and used instead of that of the string, PGPASSWORD and
   * the password file. Backends share connections only if they share the function.
   */
  readonly password?: PasswordFunction | undefined;
  /** The most connections of the pool. Undefined: `pool_max_conns` of the string, or pgxpool's default. */
  readonly maxConns?: number | undefined;
  /** Shared by all backends of the process. */
  readonly registry: PoolRegistry;
  /**
   * Generates the random ends of item ids. Use the system's outside of tests: an id is
   * the proof of a lease.
   */
  readonly random: Random;
  readonly logger?: Logger | undefined;
  /** Replaces the database's clock for deadlines, for tests. */
  readonly clock?: Clock | undefined;
  /** Time limits that differ from {@link DEFAULT_TIME_LIMITS}. */
  readonly timeouts?: Partial<TimeLimits> | undefined;
}

/** A storage on PostgreSQL with all optional members of the port. */
export type PostgresBackend = StorageBackend &
  Required<
    Pick<
      StorageBackend,
      | 'accessStore'
      | 'auditStore'
      | 'instanceStore'
      | 'scheduleStore'
      | 'taskStore'
      | 'rateStore'
      | 'moveStore'
      | 'poll'
      | 'countSmall'
      | 'now'
      | 'signals'
    >
  >;

/**
 * A storage backend on PostgreSQL 12 or newer. Connects at the first call of a store.
 *
 * @throws Error when the connection string is malformed.
 */
export function postgresBackend(options: PostgresBackendOptions): PostgresBackend {
  const limits = { ...DEFAULT_TIME_LIMITS, ...options.timeouts };
  const { name, random, clock, maxConns } = options;
  const logger = guardedLogger(options.logger ?? silentLogger);
  const share = options.registry.share(options.connectionString, { maxConns, limits }, options.password);
  const tables = new TableSchema();
  const db = new Database({ name, share, limits, random, logger, schema: tables });
  const schema = new SchemaManager(db, { backend: name, logger, limits });
  const calls = new TableCalls(name, () => share.release());
  const saved = new MarksTable(db);
  const marks = new LowWaterMarks({ db, clock: share.clock, runSerially: db.runSerially, saved });
  const readable = new ReadableTables(db);
  const measures = new Measures(db, readable);
  const { heldHorizonMs } = limits;
  const holders = new HorizonHolders({ db, storage: name, logger, heldHorizonMs });
  const queueStore: QueueStore = new PostgresQueueStore({
    logger,
    db,
    schema,
    calls,
    clock,
    deletions: new DeletionRecords({ db, logger, clock, inspectCode: () => codeOfDeletions(db) }),
  });
  const instanceStore: InstanceStore = new PostgresInstanceStore({
    ...{ db, calls, clock },
    tables: schema.instances,
    signals: share.pool.signals,
  });
  const accessStore: AccessStore = new PostgresAccessStore({ db, schema, calls, clock, limits });
  const auditStore: AuditStore = new PostgresAuditStore({ db, tables: schema.audit, calls, clock });
  const scheduleStore: ScheduleStore = new PostgresScheduleStore({ db, schema, calls, clock });
  const rateStore: RateStore = new PostgresRateStore({ db, schema, calls, clock, logger });
  const taskStore: TaskStore = new PostgresTaskStore({ db, schema, calls, clock });
  return {
    name,
    capabilities: POSTGRES_CAPABILITIES,
    queueStore: () => queueStore,
    accessStore: () => accessStore,
    instanceStore: () => instanceStore,
    auditStore: () => auditStore,
    scheduleStore: () => scheduleStore,
    taskStore: () => taskStore,
    rateStore: () => rateStore,
    partitionStore: (key: PartitionKey, owner?: PartitionOwner): PartitionStore => {
      const table = schema.partition(key, owner, () => checkIds(context));
      const context = {
        ...{ db, random, clock },
        table: new PartitionTable(key, tables, db.itemNumbers, table.metadata),
      };
      return new PostgresPartitionStore(context, { calls, table, mark: marks.of(context.table) });
    },
    moveStore: (key: PartitionKey, owner?: PartitionOwner): MoveStore => {
      const table = schema.partition(key, owner, () => checkIds(context));
      const context = {
        ...{ db, random, clock },
        table: new PartitionTable(key, tables, db.itemNumbers, table.metadata),
      };
      const identity = ownerOf(key, owner?.createdAt);
      const { lockMs } = limits;
      return new PostgresMoveStore({
        ...{ key, identity, context, calls, table, lockMs, clock },
        moves: schema.moves,
      });
    },
    ping: () => calls.track(() => ping({ db, storage: name, schema, holders })),
    poll: (keys, { deadlines }) =>
      calls.run(schema.fixed, () => poll({ db, marks, deadlines, now: nowParameter({ clock }) }, keys)),
    measure: (keys) => calls.run(schema.fixed, () => measures.measure(keys)),
    countSmall: (partitions) =>
      calls.run(schema.fixed, () => countSmall({ db, tables: readable, clock }, partitions)),
    hasOutbox: (outbox) => calls.track(() => hasOutbox(db, outbox)),
    now: () => calls.track(() => now(db, clock)),
    signals: share.pool.signals,
    close: () => calls.close(),
  };
}
