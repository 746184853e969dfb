export type { PasswordFunction } from './connection/passwords.ts';
export type { Adopted } from './items-tables/adopt-table.ts';
export type { Dropped } from './items-tables/drop-table.ts';
export {
  type ItemsTables,
  type ItemsTablesOptions,
  postgresItemsTables,
} from './items-tables/items-tables.ts';
export type { ListedTable, TableState } from './items-tables/list-tables.ts';
export { type PostgresOutboxOptions, postgresOutbox } from './outbox/postgres-outbox.ts';
export { PoolRegistry, type PoolShare } from './pool/pool-registry.ts';
export type { PoolState } from './pool/pool-state.ts';
export type { PoolUser, SharedPool } from './pool/shared-pool.ts';
export { POSTGRES_CAPABILITIES, type PostgresBackendOptions, postgresBackend } from './postgres-backend.ts';
export { itemsTable } from './schema/tables/items.ts';
export { queuesTable } from './schema/tables/queues.ts';
export { type PostgresConfig, parsePostgresConfig } from './settings/config.ts';
export { withoutPasswords } from './settings/connection-string.ts';
export { DEFAULT_TIME_LIMITS, type TimeLimits } from './settings/time-limits.ts';
export { itemsTableName } from './sql/table-name.ts';
