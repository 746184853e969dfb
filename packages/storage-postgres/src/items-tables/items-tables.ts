import { type ItemsTables, type QueueStore, type Random, silentLogger } from '@querator/core';
import type { PasswordFunction } from '../connection/passwords.ts';
import { Database } from '../database/database.ts';
import { TableCalls } from '../database/table-calls.ts';
import { TableSchema } from '../database/table-schema.ts';
import type { PoolRegistry } from '../pool/pool-registry.ts';
import { SchemaManager } from '../schema/schema-manager.ts';
import { DEFAULT_TIME_LIMITS, type TimeLimits } from '../settings/time-limits.ts';
import { adoptTable } from './adopt-table.ts';
import { dropTable } from './drop-table.ts';
import { listTables } from './list-tables.ts';

/** Counting or indexing a large table takes long, and no request waits for it. */
const LONGEST_MS = 3_600_000;

/** The storage and its dependencies; see `PostgresBackendOptions`. */
export interface ItemsTablesOptions {
  readonly name: string;
  readonly connectionString: string;
  readonly password?: PasswordFunction | undefined;
  readonly maxConns?: number | undefined;
  readonly registry: PoolRegistry;
  readonly timeouts?: Partial<TimeLimits> | undefined;
  readonly random: Random;
  /** Where the queues are stored. */
  readonly queues: QueueStore;
}

/**
 * Opens the tables of a storage. Connects at the first call.
 *
 * @throws Error when the connection string is malformed.
 */
export function postgresItemsTables(options: ItemsTablesOptions): ItemsTables {
  const { name: storage, connectionString, maxConns, registry, random, queues } = options;
  const limits = { ...DEFAULT_TIME_LIMITS, maintenanceMs: LONGEST_MS, ...options.timeouts };
  const share = registry.share(connectionString, { maxConns, limits }, options.password);
  const db = new Database({
    name: storage,
    share,
    limits,
    random,
    logger: silentLogger,
    schema: new TableSchema(),
  });
  const { fixed } = new SchemaManager(db, { backend: storage });
  const calls = new TableCalls(storage, () => share.release());
  const context = { db, storage, queues, random };
  return {
    list: ({ all }) => calls.run(fixed, () => listTables(context, queues, all)),
    adopt: (table, { queue }) => calls.run(fixed, () => adoptTable(context, table, queue)),
    drop: (table, { force }) => calls.run(fixed, () => dropTable(context, table, force)),
    close: () => calls.close(),
  };
}
