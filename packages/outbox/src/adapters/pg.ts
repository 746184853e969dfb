import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** A client of `pg` that is in a transaction. */
export interface PgClient {
  query(text: string, values: string[]): Promise<{ readonly rows: readonly Row[] }>;
}

/** Runs SQL on a client of `pg`. */
export function executor(client: PgClient): Executor {
  return { query: async (text, parameters) => (await client.query(text, [...parameters])).rows };
}

/** As `enqueue` of `@querator/outbox`, in the transaction of a client of `pg`. */
export function enqueue(
  client: PgClient,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(client), queue, items, options);
}
