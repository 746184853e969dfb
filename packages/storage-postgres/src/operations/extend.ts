import { type ExtendedItem, type Instant, type ItemId, type Outcome, UNSET_INSTANT } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { LEASED_OR_MOVING, MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { HELD_STATE, type HeldState, notLeasedError } from '../sql/leased-items.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';
import type { BinaryRow } from '../wire/binary-row.ts';
import { durationToText } from '../wire/instant-text.ts';

/** The item is leased. As a CASE, so that the planner does not believe that few items are, and reads all. */
const IS_LEASED = `CASE WHEN ${LEASED_OR_MOVING} AND NOT ${MOVING} AND NOT ${PREPARED_LETTER} THEN true ELSE false END`;

/**
 * Updates rows in the order of ids, so that callers with ids in common cannot deadlock.
 *
 * A row that a sweep changed at the same time is checked again once the sweep has
 * committed. By then it has another id, or is moving. A sweep skips rows that this
 * statement has locked, and does not find them due afterwards.
 *
 * Reads the state only of items that were not extended.
 */
const extendLeased = (table: string) => `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::interval[]) AS u (id, lease_timeout) ORDER BY id),
  extended AS (
    UPDATE ${table} AS item SET lease_deadline = ${nowSql('$1')} + given.lease_timeout
    FROM given WHERE item.id = given.id AND ${IS_LEASED}
    RETURNING item.id, item.lease_deadline)
  SELECT given.id, extended.lease_deadline,
    CASE WHEN extended.id IS NULL THEN
      (SELECT ${HELD_STATE} FROM ${table} AS item WHERE item.id = given.id) END AS state
  FROM given LEFT JOIN extended ON extended.id = given.id`;

/** What became of an id that a statement named. */
interface ExtendedRow {
  readonly id: ItemId;
  /** Unset if the lease was not extended. */
  readonly leaseDeadline: Instant;
  /** Of an item whose lease was not extended. Empty: there is none. */
  readonly state: HeldState | '';
}

/** Gives leased items a new lease deadline. Of an id that is named twice, the last item counts. */
export async function extend(
  context: PartitionContext,
  items: readonly ExtendedItem[],
): Promise<readonly Outcome<Instant>[]> {
  const byId = new Map(items.map((item) => [item.id, item]));
  const possible = [...byId.values()].filter(({ id }) => isPossibleId(id));
  const rows = possible.length === 0 ? [] : await context.db.write<ExtendedRow>(bind(context, possible));
  const found = new Map(rows.map((row) => [row.id, row]));
  return items.map(({ id }) => outcomeOf(id, found.get(id)));
}

function bind(context: PartitionContext, items: readonly ExtendedItem[]): Statement {
  return {
    ...context.table.prepared('extend', extendLeased),
    values: [
      nowParameter(context),
      textArray(items.map(({ id }) => id)),
      items.map(({ leaseTimeout }) => durationToText(leaseTimeout)),
    ],
    read: readExtended,
  };
}

function readExtended(row: BinaryRow): ExtendedRow {
  const id = row.text();
  const leaseDeadline = row.instant();
  return { id, leaseDeadline, state: row.text() as ExtendedRow['state'] };
}

function outcomeOf(id: ItemId, row: ExtendedRow | undefined): Outcome<Instant> {
  if (row === undefined || row.leaseDeadline === UNSET_INSTANT) {
    return { ok: false, error: notLeasedError(id, row?.state || undefined, 'extended') };
  }
  return { ok: true, value: row.leaseDeadline };
}
