import type { Executor } from './executor.ts';
import { type OutboxItem, writeItems } from './outbox-item.ts';
import { quotedSchema } from './schema-name.ts';

/** Options of `enqueue`. */
export interface EnqueueOptions {
  /** The schema of the outbox; `querator_outbox` by default. */
  readonly schema?: string | undefined;
}

/**
 * Writes items for a queue into the outbox, in the transaction of the caller. They
 * go to the queue once it has committed, in the order of the calls, and never if it
 * rolls back.
 *
 * @param executor runs SQL in the transaction.
 * @param items 1 to 1,000, with at most 5,000,000 bytes together.
 * @returns the ids of their rows in the outbox, in order.
 * @throws QueueError `invalid` before anything is sent, as a produce request fails.
 *   Errors of the database as its library throws them.
 */
export async function enqueue(
  executor: Executor,
  queue: string,
  items: readonly OutboxItem[],
  options: EnqueueOptions = {},
): Promise<readonly string[]> {
  const text = insertSql(quotedSchema(options.schema));
  const rows = await executor.query(text, [queue, writeItems(queue, items)]);
  return rows.map(({ id }) => String(id));
}

/**
 * Each parameter is a text and appears once, since libraries differ in how they
 * number parameters and in how they write other types.
 */
function insertSql(schema: string): string {
  return `
INSERT INTO ${schema}.outbox (queue, payload, encoding, kind, reference, enqueue_at, metadata)
SELECT CAST($1 AS text), decode(given.item->>'payload', 'base64'),
  given.item->>'encoding', given.item->>'kind', given.item->>'reference',
  CAST(given.item->>'enqueue_at' AS timestamptz), CAST(given.item->'metadata' AS jsonb)
FROM json_array_elements(CAST(CAST($2 AS text) AS json)) WITH ORDINALITY AS given (item, place)
ORDER BY given.place
RETURNING CAST(id AS text) AS id`;
}
