import { type SQL, sql } from 'drizzle-orm';
import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** A transaction of Drizzle on PostgreSQL, with any of its drivers. */
export interface DrizzleTransaction {
  execute(query: SQL): PromiseLike<unknown>;
}

/** Drizzle numbers parameters itself. */
function statement(text: string, parameters: readonly string[]): SQL {
  const parts = text.split(/\$\d+/);
  return sql.join(
    parts.flatMap((part, n) => (n === 0 ? [sql.raw(part)] : [sql`${parameters[n - 1]}`, sql.raw(part)])),
  );
}

/** The drivers return an array, or an object around it. */
function rowsOf(result: unknown): readonly Row[] {
  return Array.isArray(result) ? result : (result as { readonly rows: readonly Row[] }).rows;
}

/** Runs SQL in a transaction of Drizzle. */
export function executor(tx: DrizzleTransaction): Executor {
  return { query: async (text, parameters) => rowsOf(await tx.execute(statement(text, parameters))) };
}

/** As `enqueue` of `@querator/outbox`, in a transaction of Drizzle. */
export function enqueue(
  tx: DrizzleTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(tx), queue, items, options);
}
