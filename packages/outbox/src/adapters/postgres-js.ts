import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** The `sql` that `sql.begin` of postgres.js passes. */
export interface PostgresJsTransaction {
  unsafe(text: string, parameters: string[]): PromiseLike<readonly Row[]>;
}

/** Runs SQL in a transaction of postgres.js. */
export function executor(sql: PostgresJsTransaction): Executor {
  return { query: async (text, parameters) => sql.unsafe(text, [...parameters]) };
}

/** As `enqueue` of `@querator/outbox`, in a transaction of postgres.js. */
export function enqueue(
  sql: PostgresJsTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(sql), queue, items, options);
}
