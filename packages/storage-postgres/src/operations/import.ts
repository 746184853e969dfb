import {
  type DeadLetter,
  type Duration,
  type ImportedItem,
  type Instant,
  type ItemContent,
  type KeyedImport,
  type KeyedImportItems,
  type KeyedImportResult,
  LAST_INSTANT,
  type LetterTimeouts,
  metadataUnavailable,
  milliseconds,
  StorageError,
  type StoredItem,
} from '@querator/core';
import type { Statement } from '../database/database.ts';
import { fromParameter, storedDetails, withLetterDue } from '../sql/item-details.ts';
import { PREPARED_LETTER_MARK } from '../sql/item-state.ts';
import { newIds, newItemIdSql, positionOf } from '../sql/new-item-id.ts';
import { packPayloads, packTexts } from '../sql/packed-contents.ts';
import { nowParameter, nowSql, type PartitionContext, type PartitionTable } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { ITEM_COLUMNS, type ItemRow, rowToItem } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantToText } from '../wire/instant-text.ts';
import { IMPORTED_KEYS, intArray, keyedParts, keyParameters } from './keyed-shape.ts';

const NOW = nowSql('$1');

/** The number of items per statement. Keeps it within its time limit, and within the positions of an id. */
const ITEMS_AT_ONCE = 10_000;

/** The contents are known here: up to 64 MB that need not be returned. */
const CONTENT: ReadonlySet<string> = new Set(['reference', 'encoding', 'kind', 'payload']);
const RETURNED = ITEM_COLUMNS.filter((column) => !CONTENT.has(column));

type ReturnedRow = Omit<ItemRow, keyof ItemContent>;

/** A lease without an end would never expire, so it is overdue at once. */
const NO_LEASE = milliseconds(0);

/** What a statement of an import does besides storing contents and states. */
interface ImportShape {
  /** Whether items bring details. They are `$16` then. */
  readonly details: boolean;
  /** Whether items are prepared letters, and some have a time. That is their lease deadline then. */
  readonly due?: boolean | undefined;
  /** The partition whose keys decide which items are stored. The last parameters are for the keys. */
  readonly keyed?: PartitionTable | undefined;
}

/** The life of a scheduled item begins when it becomes available. */
const LIFE_FROM_DUE = `least(greatest(lease_deadline, ${NOW}) + $2::interval,
      '${instantToText(LAST_INSTANT)}'::timestamptz)`;

/**
 * `$15` is the duration of leases whose end is not given. Of two items with the same
 * source id the first is stored, since ON CONFLICT sees the statement's own rows.
 *
 * Rows are inserted in the order of their source ids, so that two imports with ids in
 * common cannot deadlock. Item ids follow the position nevertheless.
 */
const importItems =
  ({ details, due = false, keyed }: ImportShape) =>
  (table: string) => {
    const keyPlace = details ? 17 : 16;
    const keys = keyed && keyedParts(keyed, keyPlace + 1, IMPORTED_KEYS);
    const more: readonly (readonly [array: string, name: string])[] = [
      ...(details ? [['$16::text[]', 'metadata'] as const] : []),
      ...(keys === undefined ? [] : [[`$${keyPlace}::int[]`, 'key_place'] as const]),
    ];
    const names = more.map(([, name]) => `, ${name}`).join('');
    const insert = `
  INSERT INTO ${table} (${ITEM_COLUMNS.join(', ')}${details ? ', metadata' : ''})
  SELECT id, source_id, is_leased,
    CASE WHEN is_leased THEN ${due ? 'greatest' : 'coalesce'}(lease_deadline, ${NOW} + $15::interval)
      ELSE lease_deadline END,
    ${due ? LIFE_FROM_DUE : `coalesce(expire_deadline, ${NOW} + $2::interval)`}, enqueue_at, ${NOW}, attempts, max_attempts,
    reference, encoding, kind, payload${details ? `, ${fromParameter('metadata')}` : ''}
  FROM given${keys?.fresh('given.key_place') ?? ''}
  ON CONFLICT DO NOTHING
  RETURNING ${RETURNED.join(', ')}`;
    return `${keys?.keys(table) ?? '\n  WITH'} given AS (
    SELECT ${newItemIdSql('u.position', '$3', table, keys?.number)} AS id, u.*
    FROM unnest($4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
        $9::boolean[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::int[], $14::int[]${more
          .map(([array]) => `, ${array}`)
          .join('')})
      WITH ORDINALITY AS u (reference, encoding, kind, payload, source_id,
        is_leased, lease_deadline, expire_deadline, enqueue_at, attempts, max_attempts${names}, position)
    ORDER BY source_id COLLATE "C" NULLS FIRST, position)${insert}`;
  };

/** Adds items as they are, all or none. @throws QueueError `invalid` when they cannot be stored. */
export function importItemsInto(
  context: PartitionContext,
  items: readonly ImportedItem[],
  expireTimeout: Duration,
): Promise<readonly (StoredItem | undefined)[]> {
  return insert(context, items, { expireTimeout, autoCommitTimeout: NO_LEASE });
}

/** Adds the items of new keys, all or none; see core's `PartitionStore`. */
export async function importKeyed(
  context: PartitionContext,
  { groups, window, expireTimeout }: KeyedImport,
): Promise<readonly KeyedImportResult[]> {
  const keys: ImportKey[] = [];
  let position = 1;
  for (const { key, items } of groups) {
    keys.push({ key, items, window, position });
    position += items.length;
  }
  const items = groups.flatMap((group) => group.items);
  const stored = await insert(context, items, { expireTimeout, autoCommitTimeout: NO_LEASE, keys });
  return keys.map((key) => stored.slice(key.position - 1, key.position - 1 + key.items.length));
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
  const isDue = letters.some(({ dueAt }) => dueAt !== undefined);
  if (isDue && metadata.fault !== undefined) throw metadataUnavailable(metadata.fault);
  if (metadata.isLocked && letters.some(({ details }) => (details?.metadata.size ?? 0) > 0)) {
    const message = `storage '${context.db.name}': letters wait for their metadata; ${metadata.fault}`;
    throw new StorageError(message, { outcome: 'not-applied' });
  }
  const prepared = { isLeased: true, attempts: 0, maxAttempts: PREPARED_LETTER_MARK };
  const items = letters.map(({ sourceId, encoding, kind, reference, payload, details, dueAt }) => ({
    ...{ sourceId, encoding, kind, reference, payload, details, leaseDeadline: dueAt },
    ...prepared,
  }));
  await insert(context, items, { ...timeouts, due: isDue });
}

interface InsertOptions extends LetterTimeouts {
  /** The keys of the items, which then fit into one statement. Undefined: none. */
  readonly keys?: readonly ImportKey[] | undefined;
  /** See {@link ImportShape.due}. */
  readonly due?: boolean;
  /** Whether the texts that are not the producer's are stored with escapes. */
  readonly escapes?: boolean;
}

/** A key with its items, and the position of the first one in the statement, from 1. */
interface ImportKey extends KeyedImportItems {
  readonly window: Duration;
  readonly position: number;
}

async function insert(
  context: PartitionContext,
  items: readonly ImportedItem[],
  options: InsertOptions,
): Promise<readonly (StoredItem | undefined)[]> {
  const { db } = context;
  const bound = (some: readonly ImportedItem[]) => bind(context, some, options);
  if (items.length === 0) return [];
  try {
    if (items.length <= ITEMS_AT_ONCE || options.keys !== undefined) {
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
    if (options.escapes !== true && items.some(({ details }) => details !== undefined)) {
      return await insert(context, items, { ...options, escapes: true });
    }
    throw await refusedItems(db, error, items, options.keys?.map(({ key }) => key) ?? []);
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
  { expireTimeout, autoCommitTimeout, escapes = false, due = false, keys }: InsertOptions,
): Statement {
  const { reference, encoding, kind } = packTexts(items);
  const values: unknown[] = [
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
  const details = context.table.metadata.isThere && (due || items.some((item) => item.details !== undefined));
  if (details) values.push(textArray(items.map((item) => detailsOf(item, escapes, due))));
  if (keys !== undefined) {
    // In the same order in all processes, so that statements cannot deadlock.
    const sorted = keys.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const places = new Array<number>(items.length);
    for (const [place, each] of sorted.entries()) {
      places.fill(place + 1, each.position - 1, each.position - 1 + each.items.length);
    }
    values.push(intArray(places), ...keyParameters(sorted));
  }
  const name = `import${keys === undefined ? '' : '_keyed'}${details ? '_details' : ''}${due ? '_due' : ''}`;
  const shape = { details, due, keyed: keys && context.table };
  return { ...context.table.prepared(name, importItems(shape)), values };
}

function detailsOf({ details, leaseDeadline }: ImportedItem, escapes: boolean, due: boolean): string {
  const stored = storedDetails(details, escapes);
  return due && leaseDeadline !== undefined ? withLetterDue(stored, leaseDeadline, instantToText) : stored;
}

function textOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : instantToText(instant);
}
