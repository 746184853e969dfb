import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** A transaction of Knex on PostgreSQL. */
export interface KnexTransaction {
  raw(text: string, bindings: string[]): PromiseLike<{ readonly rows: readonly Row[] }>;
}

/** Knex marks parameters by `?`. */
const PLACEHOLDERS = /\$\d+/g;

/** Runs SQL in a transaction of Knex. */
export function executor(trx: KnexTransaction): Executor {
  return {
    query: async (text, parameters) => (await trx.raw(text.replace(PLACEHOLDERS, '?'), [...parameters])).rows,
  };
}

/** As `enqueue` of `@querator/outbox`, in a transaction of Knex. */
export function enqueue(
  trx: KnexTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(trx), queue, items, options);
}
