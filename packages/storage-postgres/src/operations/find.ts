import {
  FIND_BOUNDS,
  type FindBounds,
  type FindPage,
  type FindRequest,
  type FoundItem,
  millisecondsBetween,
  StorageError,
} from '@querator/core';
import { filterSql, Parameters } from '../sql/item-filter.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData } from '../sql/refused-data.ts';
import { rowToFoundItem } from '../sql/row-to-item.ts';
import { type FindRow, findStatement } from './find-statement.ts';
import { narrowIds } from './narrow-search.ts';

/** Rows of the first statement: some milliseconds, unless the disk is slow. */
const FIRST_ROWS = 1_000;
/** A statement that stays below this is followed by one that reads more rows. In milliseconds. */
const FAST_MS = 100;
const GROWTH = 4;
/** Rows of the only statement that may take longer than the search. */
const FEW_ROWS = 20;

/** What one statement read. */
interface Part {
  readonly items: readonly FoundItem[];
  readonly scanned: number;
  readonly bytes: number;
  /** Undefined: there are no more rows. */
  readonly next: string | undefined;
}

const NOTHING: Part = { items: [], scanned: 0, bytes: 0, next: undefined };

/**
 * Finds items; see core's `PartitionStore`. Reads the rows in several statements, so that
 * a slow one ends the search and not what was found before it. Items in few states or with
 * few deadlines are found by an index first.
 */
export async function find(context: PartitionContext, request: FindRequest): Promise<FindPage> {
  const { clock } = context.db;
  const { bounds = FIND_BOUNDS, limit, signal } = request;
  const start = clock.now();
  const msLeft = () => bounds.ms - millisecondsBetween(start, clock.now());
  const ids = await narrowIds(context, request.filter, { msLeft: msLeft(), signal });
  const filter = ids === undefined ? request.filter : { ...request.filter, ids };
  const items: FoundItem[] = [];
  let scanned = 0;
  let bytes = 0;
  let after = request.after ?? '';
  let rows = FIRST_ROWS;
  while (scanned === 0 || (scanned < bounds.rows && bytes < bounds.bytes && msLeft() > 0)) {
    const began = clock.now();
    const part = await readPart(
      context,
      { ...request, filter, after, limit: limit - items.length },
      {
        rows: Math.min(rows, bounds.rows - scanned),
        bytes: bounds.bytes - bytes,
        ms: Math.max(msLeft(), 1),
      },
      scanned === 0,
    );
    if (part === undefined) break;
    for (const item of part.items) items.push(item);
    scanned += part.scanned;
    bytes += part.bytes;
    if (part.next === undefined) return { items, scanned, bytes };
    after = part.next;
    if (items.length === limit || signal?.aborted === true) break;
    if (millisecondsBetween(began, clock.now()) < FAST_MS) rows *= GROWTH;
  }
  return { items, scanned, bytes, next: after };
}

/**
 * Reads on with one statement, or with another one for a few rows if the first takes too
 * long.
 *
 * @param isFirst nothing was read before: the search must make progress.
 * @returns undefined if the statement took too long.
 */
async function readPart(
  context: PartitionContext,
  request: FindRequest,
  bounds: FindBounds,
  isFirst: boolean,
): Promise<Part | undefined> {
  try {
    return await read(context, request, bounds);
  } catch (error) {
    // No item has a text that the storage cannot hold.
    if (isRefusedData(error)) return NOTHING;
    const isSlow = error instanceof StorageError && error.gaveUp && request.signal?.aborted !== true;
    if (!isSlow) throw error;
    if (!isFirst) return undefined;
    return read(context, request, { ...bounds, rows: Math.min(FEW_ROWS, bounds.rows), ms: Infinity });
  }
}

async function read(
  { db, table }: PartitionContext,
  { filter, limit, after = '', withPayload = false, signal }: FindRequest,
  { rows, bytes, ms }: FindBounds,
): Promise<Part> {
  const parameters = new Parameters([after, rows, limit, bytes]);
  const options = { hasMetadata: table.metadata.isThere, withPayload };
  const sql = filterSql(filter, parameters, options);
  if (sql === undefined) return NOTHING;
  const statement = { text: findStatement(table.name, sql, options), values: parameters.values };
  return toPart(await db.search<FindRow>(statement, { limitMs: ms, signal }), rows);
}

/** @param asked the most rows that the statement reads. */
function toPart(rows: readonly FindRow[], asked: number): Part {
  const sorted = [...rows].sort((a, b) => a.position - b.position);
  const items = sorted.filter((row) => row.is_found).map(rowToFoundItem);
  const last = sorted.at(-1);
  if (last === undefined) return NOTHING;
  const beyond = sorted.find((row) => row.is_beyond);
  if (beyond !== undefined) {
    const { position, bytes_before, previous_id } = beyond;
    return { items, scanned: position - 1, bytes: bytes_before, next: previous_id };
  }
  const { position, bytes_before, bytes, is_last, id } = last;
  const isEnd = is_last && position < asked;
  return { items, scanned: position, bytes: bytes_before + bytes, next: isEnd ? undefined : id };
}
