import type { Duration, ImportedItem, Instant, StoredItem } from '@querator/core';
import { durationToText, instantToText } from '../instant-text.ts';
import { newItemIdSql, positionOf, randomTails } from '../new-item-id.ts';
import { packContents } from '../packed-contents.ts';
import { nowParameter, nowSql, type PartitionContext } from '../partition-table.ts';
import { ITEM_COLUMNS, type ItemRow, rowToItem } from '../row-to-item.ts';

const NOW = nowSql('$1');

/**
 * A lease without an end would never run out: it is overdue at once. Of two
 * items with one source id the first stays, as ON CONFLICT sees its own rows.
 */
const importItems = (table: string) => `
  WITH given AS (
    SELECT ${newItemIdSql('u.position', '$3')} AS id, u.*
    FROM unnest($4::text[], $5::text[], $6::text[], $8::int[], $9::int[], $10::text[],
        $11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::int[], $16::int[])
      WITH ORDINALITY AS u (reference, encoding, kind, start, length, source_id,
        is_leased, lease_deadline, expire_deadline, enqueue_at, attempts, max_attempts, position)
    ORDER BY position)
  INSERT INTO ${table} (${ITEM_COLUMNS.join(', ')})
  SELECT id, source_id, is_leased,
    CASE WHEN is_leased THEN coalesce(lease_deadline, ${NOW}) END,
    coalesce(expire_deadline, ${NOW} + $2::interval), enqueue_at, ${NOW}, attempts, max_attempts,
    reference, encoding, kind, substring($7::bytea from start for length)
  FROM given
  ON CONFLICT DO NOTHING
  RETURNING ${ITEM_COLUMNS.join(', ')}`;

/** Adds items as they are. */
export async function importItemsInto(
  context: PartitionContext,
  items: readonly ImportedItem[],
  expireTimeout: Duration,
): Promise<readonly (StoredItem | undefined)[]> {
  if (items.length === 0) return [];
  const packed = packContents(items);
  const rows = await context.db.write<ItemRow>({
    ...context.table.prepared('import', importItems),
    values: [
      nowParameter(context),
      durationToText(expireTimeout),
      randomTails(context.random, items.length),
      ...[packed.references, packed.encodings, packed.kinds, packed.payloads, packed.starts, packed.lengths],
      items.map(({ sourceId }) => sourceId ?? null),
      // Scheduled items are nobody's, whatever the import says.
      items.map(({ isLeased, enqueueAt }) => isLeased && enqueueAt === undefined),
      items.map(({ leaseDeadline }) => textOrNull(leaseDeadline)),
      items.map(({ expireDeadline }) => textOrNull(expireDeadline)),
      items.map(({ enqueueAt }) => textOrNull(enqueueAt)),
      items.map(({ attempts }) => attempts),
      items.map(({ maxAttempts }) => maxAttempts),
    ],
  });
  const stored = new Map(rows.map((row) => [positionOf(row.id), rowToItem(row)]));
  return items.map((_, index) => stored.get(index + 1));
}

function textOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : instantToText(instant);
}
