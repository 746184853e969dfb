export { type PostgresConfig, parsePostgresConfig } from './config.ts';
export type { Adopted } from './items-tables/adopt-table.ts';
export type { Dropped } from './items-tables/drop-table.ts';
export {
  type ItemsTables,
  type ItemsTablesOptions,
  postgresItemsTables,
} from './items-tables/items-tables.ts';
export type { ListedTable, TableState } from './items-tables/list-tables.ts';
export { PoolRegistry, type PoolShare } from './pool-registry.ts';
export type { PoolState } from './pool-state.ts';
export { type PostgresBackendOptions, postgresBackend } from './postgres-backend.ts';
export { itemsTable } from './schema/items.ts';
export { queuesTable } from './schema/queues.ts';
export type { PoolUser, SharedPool } from './shared-pool.ts';
export { itemsTableName } from './table-name.ts';
export { DEFAULT_TIME_LIMITS, type TimeLimits } from './time-limits.ts';
