import { CompiledQuery } from 'kysely';
import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** A transaction of Kysely on PostgreSQL. */
export interface KyselyTransaction {
  executeQuery(query: CompiledQuery): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Runs SQL in a transaction of Kysely. */
export function executor(trx: KyselyTransaction): Executor {
  return {
    query: async (text, parameters) =>
      (await trx.executeQuery(CompiledQuery.raw(text, [...parameters]))).rows as readonly Row[],
  };
}

/** As `enqueue` of `@querator/outbox`, in a transaction of Kysely. */
export function enqueue(
  trx: KyselyTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(trx), queue, items, options);
}
