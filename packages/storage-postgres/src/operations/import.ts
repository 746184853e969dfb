import {
  type DeadLetter,
  type Duration,
  type ImportedItem,
  type Instant,
  type ItemContent,
  type LetterTimeouts,
  milliseconds,
  StorageError,
  type StoredItem,
} from '@querator/core';
import type { Statement } from '../database/database.ts';
import { fromParameter, storedDetails } from '../sql/item-details.ts';
import { PREPARED_LETTER_MARK } from '../sql/item-state.ts';
import { newIds, newItemIdSql, positionOf } from '../sql/new-item-id.ts';
import { packPayloads, packTexts } from '../sql/packed-contents.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { ITEM_COLUMNS, type ItemRow, rowToItem } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantToText } from '../wire/instant-text.ts';

const NOW = nowSql('$1');

/** The number of items per statement. Keeps it within its time limit, and within the positions of an id. */
const ITEMS_AT_ONCE = 10_000;

/** The contents are known here: up to 64 MB that need not be returned. */
const CONTENT: ReadonlySet<string> = new Set(['reference', 'encoding', 'kind', 'payload']);
const RETURNED = ITEM_COLUMNS.filter((column) => !CONTENT.has(column));

type ReturnedRow = Omit<ItemRow, keyof ItemContent>;

/** A lease without an end would never expire, so it is overdue at once. */
const NO_LEASE = milliseconds(0);

/**
 * `$15` is the duration of leases whose end is not given. Of two items with the same
 * source id the first is stored, since ON CONFLICT sees the statement's own rows.
 *
 * Rows are inserted in the order of their source ids, so that two imports with ids in
 * common cannot deadlock. Item ids follow the position nevertheless.
 */
const importItems = (keepsDetails: boolean) => (table: string) =>
  `
  WITH given AS (
    SELECT ${newItemIdSql('u.position', '$3', table)} AS id, u.*
    FROM unnest($4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
        $9::boolean[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::int[], $14::int[]${
          keepsDetails ? ', $16::text[]' : ''
        })
      WITH ORDINALITY AS u (reference, encoding, kind, payload, source_id,
        is_leased, lease_deadline, expire_deadline, enqueue_at, attempts, max_attempts${
          keepsDetails ? ', metadata' : ''
        }, position)
    ORDER BY source_id COLLATE "C" NULLS FIRST, position)
  INSERT INTO ${table} (${ITEM_COLUMNS.join(', ')}${keepsDetails ? ', metadata' : ''})
  SELECT id, source_id, is_leased,
    CASE WHEN is_leased THEN coalesce(lease_deadline, ${NOW} + $15::interval) ELSE lease_deadline END,
    coalesce(expire_deadline, ${NOW} + $2::interval), enqueue_at, ${NOW}, attempts, max_attempts,
    reference, encoding, kind, payload${keepsDetails ? `, ${fromParameter('metadata')}` : ''}
  FROM given
  ON CONFLICT DO NOTHING
  RETURNING ${RETURNED.join(', ')}`;

/** Adds items as they are, all or none. @throws QueueError `invalid` when they cannot be stored. */
export function importItemsInto(
  context: PartitionContext,
  items: readonly ImportedItem[],
  expireTimeout: Duration,
): Promise<readonly (StoredItem | undefined)[]> {
  return insert(context, items, { expireTimeout, autoCommitTimeout: NO_LEASE });
}

/**
 * Adds prepared letters, all or none. They cannot be leased yet. They leave out their
 * details if the table lacks the column for them; but letters with metadata wait while
 * that is so only because another session holds the table.
 *
 * @throws QueueError `invalid` when they cannot be stored; StorageError while they wait.
 */
export async function prepareLetters(
  context: PartitionContext,
  letters: readonly DeadLetter[],
  timeouts: LetterTimeouts,
): Promise<void> {
  const { metadata } = context.table;
  if (metadata.isLocked && letters.some(({ details }) => (details?.metadata.size ?? 0) > 0)) {
    const message = `storage '${context.db.name}': letters wait for their metadata; ${metadata.fault}`;
    throw new StorageError(message, { outcome: 'not-applied' });
  }
  const prepared = { isLeased: true, attempts: 0, maxAttempts: PREPARED_LETTER_MARK };
  const items = letters.map(({ sourceId, encoding, kind, reference, payload, details }) => ({
    ...{ sourceId, encoding, kind, reference, payload, details },
    ...prepared,
  }));
  await insert(context, items, timeouts);
}

async function insert(
  context: PartitionContext,
  items: readonly ImportedItem[],
  timeouts: LetterTimeouts,
  escapes = false,
): Promise<readonly (StoredItem | undefined)[]> {
  const { db } = context;
  const bound = (some: readonly ImportedItem[]) => bind(context, some, { ...timeouts, escapes });
  if (items.length === 0) return [];
  try {
    if (items.length <= ITEMS_AT_ONCE) {
      return storedOf(context, await db.write<ReturnedRow>(bound(items)), items);
    }
    return await db.transaction(async (session) => {
      const stored: (StoredItem | undefined)[] = [];
      for (let start = 0; start < items.length; start += ITEMS_AT_ONCE) {
        const part = items.slice(start, start + ITEMS_AT_ONCE);
        stored.push(...storedOf(context, await session.query<ReturnedRow>(bound(part)), part));
      }
      return stored;
    });
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    // The texts that are not the producer's may be the ones that the database lacks characters of.
    if (!escapes && items.some(({ details }) => details !== undefined)) {
      return await insert(context, items, timeouts, true);
    }
    throw await refusedItems(db, error, items);
  }
}

/** The outcome for each item. */
function storedOf(
  { table }: PartitionContext,
  rows: readonly ReturnedRow[],
  items: readonly ImportedItem[],
): readonly (StoredItem | undefined)[] {
  table.numbers.observeId(rows[0]?.id);
  const stored = new Map(rows.map((row) => [positionOf(row.id), row]));
  return items.map(({ reference, encoding, kind, payload }, index) => {
    const row = stored.get(index + 1);
    return row && { ...rowToItem({ ...row, reference, encoding, kind, payload: null }), payload };
  });
}

function bind(
  context: PartitionContext,
  items: readonly ImportedItem[],
  { expireTimeout, autoCommitTimeout, escapes }: LetterTimeouts & { readonly escapes: boolean },
): Statement {
  const { reference, encoding, kind } = packTexts(items);
  const values = [
    nowParameter(context),
    durationToText(expireTimeout),
    newIds(context, items.length),
    ...[reference, encoding, kind, packPayloads(items)],
    items.map(({ sourceId }) => sourceId ?? null),
    // A scheduled item is not leased, whatever the import says.
    items.map(({ isLeased, enqueueAt }) => isLeased && enqueueAt === undefined),
    items.map(({ leaseDeadline }) => textOrNull(leaseDeadline)),
    items.map(({ expireDeadline }) => textOrNull(expireDeadline)),
    items.map(({ enqueueAt }) => textOrNull(enqueueAt)),
    items.map(({ attempts }) => attempts),
    items.map(({ maxAttempts }) => maxAttempts),
    durationToText(autoCommitTimeout),
  ];
  if (!context.table.metadata.isThere || items.every(({ details }) => details === undefined)) {
    return { ...context.table.prepared('import', importItems(false)), values };
  }
  const details = textArray(items.map((item) => storedDetails(item.details, escapes)));
  return { ...context.table.prepared('import_details', importItems(true)), values: [...values, details] };
}

function textOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : instantToText(instant);
}
