import type { CarriedItem, CarriedKey, CarriedState, Instant } from '@querator/core';
import { LAST_INSTANT } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { innerDetails, readInnerDetails, storedDetails } from '../sql/item-details.ts';
import { PREPARED_LETTER_MARK, shiftedDeadline, shiftsIn, trueExpireDeadline } from '../sql/item-state.ts';
import { keyParameters } from '../sql/key-rows.ts';
import { packPayloads, packTexts } from '../sql/packed-contents.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_COLUMNS, type ItemRow, rowToItem } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { instantFromText, instantToText } from '../wire/instant-text.ts';

/** A row of an items table as a move reads it. */
export interface CarriedRow extends ItemRow {
  readonly metadata: string | null;
}

/** Everything that a row says of its item. */
export function rowToCarried(row: CarriedRow): CarriedItem {
  const { isLeased, leaseDeadline, enqueueAt, details: _, death: __, ...item } = rowToItem(row);
  const { details, death, heldSince, taken, due } = readInnerDetails(row.id, row.metadata);
  const state = stateOf(row, taken !== undefined);
  const isTaken = state === 'taken';
  return {
    ...item,
    state,
    details,
    death,
    heldSince,
    ...(isTaken && taken !== undefined
      ? { taken: taken.by, expireDeadline: instantFromText(taken.expire) }
      : { expireDeadline: trueExpireDeadline(instantFromText(row.expire_deadline)) }),
    dueAt: due !== undefined && (isTaken || state === 'prepared') ? instantFromText(due) : undefined,
    until: isTaken ? undefined : (enqueueAt ?? (isLeased ? leaseDeadline : undefined)),
    idleLeaseDeadline: isLeased ? undefined : leaseDeadline,
  };
}

function stateOf(row: ItemRow, hasTask: boolean): CarriedState {
  if (row.enqueue_at !== null) return hasTask ? 'taken' : 'scheduled';
  if (!row.is_leased) return 'waiting';
  const shifts = shiftsIn(instantFromText(row.expire_deadline));
  if (shifts > 0) return shifts === 1 ? 'dead' : 'moved';
  return row.max_attempts < 0 && row.attempts === 0 ? 'prepared' : 'leased';
}

const LEASED: ReadonlySet<CarriedState> = new Set(['leased', 'prepared', 'dead', 'moved']);
const SHIFTS: Readonly<Partial<Record<CarriedState, number>>> = { dead: 1, moved: 2 };

/**
 * The statement that inserts items as they are.
 *
 * @param escapes see `storedDetails`.
 */
export function insertCarried(
  table: PartitionTable,
  items: readonly CarriedItem[],
  escapes: boolean,
): Statement {
  const { reference, encoding, kind } = packTexts(items);
  return {
    ...table.prepared('carry_items', insert),
    values: [
      items.map(({ id }) => id),
      items.map(({ sourceId }) => sourceId ?? null),
      items.map(({ state }) => LEASED.has(state)),
      items.map(({ state, until, idleLeaseDeadline }) =>
        textOrNull(LEASED.has(state) ? until : idleLeaseDeadline),
      ),
      items.map(({ state, expireDeadline }) =>
        instantToText(state === 'taken' ? LAST_INSTANT : shiftedDeadline(expireDeadline, SHIFTS[state] ?? 0)),
      ),
      items.map((item) => textOrNull(enqueueAtOf(item))),
      items.map(({ createdAt }) => instantToText(createdAt)),
      items.map(({ attempts }) => attempts),
      items.map(({ state, maxAttempts }) => (state === 'prepared' ? PREPARED_LETTER_MARK : maxAttempts)),
      ...[reference, encoding, kind, packPayloads(items)],
      textArray(items.map((item) => innerDetails(item, storedDetails(item.details, escapes), instantToText))),
    ],
  };
}

const insert = (table: string) => `
  INSERT INTO ${table} (${ITEM_COLUMNS.join(', ')}, metadata)
  SELECT id, source_id, is_leased, lease_deadline, expire_deadline, enqueue_at, created_at, attempts, max_attempts,
    reference, encoding, kind, payload, nullif(metadata, '')::jsonb
  FROM unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
      $7::timestamptz[], $8::int[], $9::int[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::text[])
    AS u (id, source_id, is_leased, lease_deadline, expire_deadline, enqueue_at, created_at, attempts, max_attempts,
      reference, encoding, kind, payload, metadata)`;

function enqueueAtOf({ state, until }: CarriedItem): Instant | undefined {
  if (state === 'taken') return LAST_INSTANT;
  return state === 'scheduled' ? until : undefined;
}

function textOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : instantToText(instant);
}

/** The statement that stores dedup keys, or replaces those that are there. @param table of the keys. */
export function insertKeys(table: string, keys: readonly CarriedKey[]): Statement {
  return {
    text: `INSERT INTO ${table} AS held (key, first_number, random_ends, ends_at)
      SELECT key, first_number, random_ends, ends_at
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[])
        AS u (key, first_number, random_ends, ends_at)
      ON CONFLICT (key) DO UPDATE SET first_number = excluded.first_number, random_ends = excluded.random_ends,
        ends_at = excluded.ends_at`,
    values: [...keyParameters(keys)],
  };
}
