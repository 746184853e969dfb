export { type EnqueueOptions, enqueue } from './enqueue.ts';
export type { Executor, Row } from './executor.ts';
export { type InstallOptions, installSql } from './install-sql.ts';
export type { OutboxItem } from './outbox-item.ts';
export { DEFAULT_SCHEMA } from './schema-name.ts';
