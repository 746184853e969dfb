import {
  type ExtendedItem,
  heldTooLong,
  type Instant,
  type ItemId,
  metadataUnavailable,
  type Outcome,
  toMicroseconds,
  UNSET_INSTANT,
} from '@querator/core';
import type { Statement } from '../database/database.ts';
import { arrayParameter } from '../sql/array-parameter.ts';
import { heldSince, microsecondsSql, withHeld } from '../sql/item-details.ts';
import { LEASED_OR_MOVING, MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { HELD_STATE, type HeldState, notLeasedError } from '../sql/leased-items.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';
import type { BinaryRow } from '../wire/binary-row.ts';
import { durationToText } from '../wire/instant-text.ts';

const NOW = nowSql('$1');
const IDS = arrayParameter('$2', 'text');
const TIMEOUTS = arrayParameter('$3', 'interval');

/** The item is leased. As a CASE, so that the planner does not believe that few items are, and reads all. */
const IS_LEASED = `CASE WHEN ${LEASED_OR_MOVING} AND NOT ${MOVING} AND NOT ${PREPARED_LETTER} THEN true ELSE false END`;

/** More time than `max_hold` has passed since the first extension of the lease with a bound. */
const IS_HELD_TOO_LONG = `CASE WHEN ${microsecondsSql(NOW)} - ${heldSince()} > given.max_hold THEN true ELSE false END`;

/** What the statement with bounds adds to the one without. */
const BOUNDS = {
  parameter: `, ${arrayParameter('$4', 'bigint')}`,
  column: ', max_hold',
  set: `, metadata = CASE WHEN given.max_hold IS NULL OR ${heldSince()} IS NOT NULL THEN item.metadata
      ELSE ${withHeld(NOW)} END`,
  condition: ` AND NOT ${IS_HELD_TOO_LONG}`,
  state: `CASE WHEN ${IS_LEASED} AND ${IS_HELD_TOO_LONG} THEN 'too-long' ELSE ${HELD_STATE} END`,
};
const NO_BOUNDS: typeof BOUNDS = { parameter: '', column: '', set: '', condition: '', state: HELD_STATE };

/**
 * Updates rows in the order of ids, so that callers with ids in common cannot deadlock.
 *
 * A row that a sweep changed at the same time is checked again once the sweep has
 * committed. By then it has another id, or is moving. A sweep skips rows that this
 * statement has locked, and does not find them due afterwards.
 *
 * Reads the state only of items that were not extended.
 */
const extendLeased =
  ({ parameter, column, set, condition, state }: typeof BOUNDS) =>
  (table: string) =>
    `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest(${IDS}, ${TIMEOUTS}${parameter}) AS u (id, lease_timeout${column}) ORDER BY id),
  extended AS (
    UPDATE ${table} AS item SET lease_deadline = ${NOW} + given.lease_timeout${set}
    FROM given WHERE item.id = given.id AND ${IS_LEASED}${condition}
    RETURNING item.id, item.lease_deadline)
  SELECT given.id, extended.lease_deadline,
    CASE WHEN extended.id IS NULL THEN
      (SELECT ${state} FROM ${table} AS item WHERE item.id = given.id) END AS state
  FROM given LEFT JOIN extended ON extended.id = given.id`;

const extendFreely = extendLeased(NO_BOUNDS);
const extendBounded = extendLeased(BOUNDS);

/** What became of an id that a statement named. */
interface ExtendedRow {
  readonly id: ItemId;
  /** Unset if the lease was not extended. */
  readonly leaseDeadline: Instant;
  /** Of an item whose lease was not extended. Empty: there is none. */
  readonly state: HeldState | 'too-long' | '';
}

/** Gives leased items a new lease deadline. Of an id that is named twice, the last item counts. */
export async function extend(
  context: PartitionContext,
  items: readonly ExtendedItem[],
): Promise<readonly Outcome<Instant>[]> {
  const { fault } = context.table.metadata;
  const isServed = ({ id, maxHold }: ExtendedItem) =>
    isPossibleId(id) && (maxHold === undefined || fault === undefined);
  const served = new Map(items.filter(isServed).map((item) => [item.id, item]));
  const rows =
    served.size === 0 ? [] : await context.db.write<ExtendedRow>(bind(context, [...served.values()]));
  const found = new Map(rows.map((row) => [row.id, row]));
  return items.map((item) => {
    if (fault !== undefined && item.maxHold !== undefined) {
      return { ok: false, error: metadataUnavailable(fault) };
    }
    return outcomeOf(item, found.get(item.id));
  });
}

function bind(context: PartitionContext, items: readonly ExtendedItem[]): Statement {
  const { table } = context;
  const values = [
    nowParameter(context),
    textArray(items.map(({ id }) => id)),
    items.map(({ leaseTimeout }) => durationToText(leaseTimeout)),
  ];
  const read = readExtended;
  if (items.every(({ maxHold }) => maxHold === undefined)) {
    return { ...table.prepared('extend', extendFreely), values, read };
  }
  const bounds = items.map(({ maxHold }) => (maxHold === undefined ? null : String(toMicroseconds(maxHold))));
  return { ...table.prepared('extend_bounded', extendBounded), values: [...values, bounds], read };
}

function readExtended(row: BinaryRow): ExtendedRow {
  const id = row.text();
  const leaseDeadline = row.instant();
  return { id, leaseDeadline, state: row.text() as ExtendedRow['state'] };
}

function outcomeOf({ id, maxHold }: ExtendedItem, row: ExtendedRow | undefined): Outcome<Instant> {
  if (row !== undefined && row.leaseDeadline !== UNSET_INSTANT) return { ok: true, value: row.leaseDeadline };
  if (row?.state === 'too-long' && maxHold !== undefined) {
    return { ok: false, error: heldTooLong(id, maxHold) };
  }
  const state = row?.state === 'too-long' || row?.state === '' ? undefined : row?.state;
  return { ok: false, error: notLeasedError(id, state, 'extended') };
}
