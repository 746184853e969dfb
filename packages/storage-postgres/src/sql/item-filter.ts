import type { InstantRange, ItemFilter } from '@querator/core';
import { textArray } from '../wire/binary-array.ts';
import { instantToText } from '../wire/instant-text.ts';
import { DETAILS, IS_TAKEN, pairsToJson } from './item-details.ts';
import { dueSql, PREPARED_LETTER, stateConditions } from './item-state.ts';
import { isPossibleId } from './refused-data.ts';

/** Where a search reads rows. */
interface Source {
  /** What the statement begins with. */
  readonly before: (table: string, columns: string) => string;
  /** The relation, with the condition that ids are greater than `$1`. */
  readonly from: (table: string) => string;
  /** What to order the rows by, so that they are in the order of ids. */
  readonly order: string;
}

/** A filter as SQL. */
export interface FilterSql {
  readonly source: Source;
  /** On a row without its payload. May be NULL instead of false. */
  readonly condition: string;
  /** Undefined: none. */
  readonly payloadCondition: string | undefined;
}

/** The parameters of a statement. */
export class Parameters {
  readonly values: unknown[];

  constructor(values: readonly unknown[]) {
    this.values = [...values];
  }

  /** Adds a value. @returns its placeholder. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/**
 * A filter as SQL: the values are parameters.
 *
 * @param hasMetadata whether the table has the column for the details of items.
 * @returns undefined if no row of the table can match.
 */
export function filterSql(
  filter: ItemFilter,
  parameters: Parameters,
  { hasMetadata }: { readonly hasMetadata: boolean },
): FilterSql | undefined {
  const { state, firstId, sourceId, payload } = filter;
  const taken = hasMetadata ? IS_TAKEN : 'false';
  const details = detailConditions(filter, parameters, hasMetadata);
  if (details === undefined) return undefined;
  const texts = (['reference', 'kind', 'encoding'] as const).flatMap((column) => {
    const text = filter[column];
    return text === undefined ? [] : [`${column} = ${parameters.add(text)}`];
  });
  const conditions = [
    state === undefined ? `NOT ${PREPARED_LETTER}` : stateConditions(taken)[state],
    ...(firstId === undefined
      ? []
      : [`${hasMetadata ? DETAILS.firstId : 'id'} = ${parameters.add(firstId)}`]),
    ...(sourceId === undefined ? [] : [`source_id = ${parameters.add(sourceId)}`]),
    ...texts,
    ...rangeConditions('created_at', filter.created, parameters),
    ...rangeConditions(dueSql(taken), filter.due, parameters),
    ...details,
  ];
  return {
    source: sourceOf(filter, parameters),
    condition: conditions.join(' AND '),
    payloadCondition:
      payload && `coalesce(position(${parameters.add(Buffer.from(payload))}::bytea IN payload) > 0, false)`,
  };
}

/** Conditions on what only the column for details has. Undefined: no row can meet them. */
function detailConditions(
  { metadata, error, reason, sourceQueue, withoutError }: ItemFilter,
  parameters: Parameters,
  hasMetadata: boolean,
): readonly string[] | undefined {
  const hasPairs = metadata !== undefined && metadata.size > 0;
  if (!hasMetadata) {
    return hasPairs || [error, reason, sourceQueue].some((text) => text !== undefined) ? undefined : [];
  }
  return [
    ...(hasPairs ? [`${DETAILS.pairs} @> ${parameters.add(pairsToJson(metadata))}::jsonb`] : []),
    ...(error === undefined ? [] : [`strpos(${DETAILS.error} COLLATE "C", ${parameters.add(error)}) > 0`]),
    ...(reason === undefined ? [] : [`${DETAILS.reason} = ${parameters.add(reason)}`]),
    ...(sourceQueue === undefined ? [] : [`${DETAILS.sourceQueue} = ${parameters.add(sourceQueue)}`]),
    ...(withoutError === true ? [`${DETAILS.error} IS NULL`] : []),
  ];
}

function rangeConditions(
  instant: string,
  { from, to }: InstantRange = {},
  parameters: Parameters,
): readonly string[] {
  return [
    ...(from === undefined ? [] : [`${instant} >= ${parameters.add(instantToText(from))}::timestamptz`]),
    ...(to === undefined ? [] : [`${instant} < ${parameters.add(instantToText(to))}::timestamptz`]),
  ];
}

/** The index with the fewest rows to read. */
function sourceOf({ ids, sourceId, state }: ItemFilter, parameters: Parameters): Source {
  const plain = { before: () => '', order: 'id' };
  if (ids !== undefined) {
    const list = parameters.add(textArray(ids.filter(isPossibleId)));
    return { ...plain, from: (table) => `${table} WHERE id = ANY (${list}::text[]) AND id > $1` };
  }
  if (sourceId !== undefined) {
    const id = parameters.add(sourceId);
    return {
      ...plain,
      // No index has the items of a source id in the order of ids.
      before: (table, columns) =>
        `WITH one AS MATERIALIZED (SELECT ${columns} FROM ${table} WHERE source_id = ${id})`,
      from: () => 'one WHERE id > $1',
    };
  }
  if (state === 'waiting') {
    const waiting = 'is_leased = false AND enqueue_at IS NULL';
    return {
      ...plain,
      from: (table) => `${table} WHERE ${waiting} AND id > $1`,
      order: 'is_leased, enqueue_at, id',
    };
  }
  return { ...plain, from: (table) => `${table} WHERE id > $1` };
}
