import { DEADLINE_BEFORE, IS_TAKEN } from '../sql/item-details.ts';
import type { FilterSql } from '../sql/item-filter.ts';
import { CONTENT_BYTES } from '../sql/payload-budget.ts';
import { type FoundRow, ITEM_COLUMNS } from '../sql/row-to-item.ts';

/** A row that a search returns: an item that was found, or the row at which it ended. */
export interface FindRow extends FoundRow {
  readonly is_found: boolean;
  /** From 1. */
  readonly position: number;
  /** Bytes of the contents of all rows before this one that count. */
  readonly bytes_before: number;
  /** Those of this row. */
  readonly bytes: number;
  /** The statement has read no row after this one. */
  readonly is_last: boolean;
  /** The budget was spent before this row, and not before the previous one. */
  readonly is_beyond: boolean;
  readonly previous_id: string;
}

const PLAIN_COLUMNS = ITEM_COLUMNS.filter((column) => column !== 'payload').join(', ');

/** A taken item has its own expire deadline among its details. */
const DETAIL_COLUMNS = `, CASE WHEN is_found THEN metadata::text END AS metadata,
    ${IS_TAKEN} AS is_taken, ${DEADLINE_BEFORE} AS own_expire_deadline`;

/** PostgreSQL knows the length of a value without reading it. */
const PAYLOAD_SIZE = 'coalesce(octet_length(payload), 0)';

/**
 * A statement that reads at most `$2` rows after the id `$1`, and returns at most `$3`
 * of them and maybe the row at which it ended. It counts the bytes of rows that meet
 * all conditions but that on the payload, and ends when they reach `$4`.
 *
 * Nothing is sorted and every part passes on one row after the other. So the limit ends
 * the reading too. Only CASE guarantees that no payload is read in vain.
 */
export function findStatement(
  table: string,
  { source, condition, payloadCondition }: FilterSql,
  { withPayload, hasMetadata }: { readonly withPayload: boolean; readonly hasMetadata: boolean },
): string {
  const columns = `${ITEM_COLUMNS.join(', ')}${hasMetadata ? ', metadata' : ''}`;
  const readsPayload = withPayload || payloadCondition !== undefined;
  const bytes = readsPayload ? CONTENT_BYTES : `${CONTENT_BYTES} - ${PAYLOAD_SIZE}`;
  return `${source.before(table, columns)}
  SELECT ${PLAIN_COLUMNS}, ${PAYLOAD_SIZE} AS payload_size
    ${hasMetadata ? DETAIL_COLUMNS : ''}
    ${withPayload ? ', CASE WHEN is_found THEN payload END AS payload' : ''},
    is_found, position::int, bytes_before::float8, bytes::float8, is_last, is_beyond, previous_id
  FROM (
    SELECT *, CASE WHEN fits AND bytes_before < $4 THEN ${payloadCondition ?? 'true'} ELSE false END AS is_found,
      bytes_before >= $4 AND bytes_before - previous_bytes < $4 AS is_beyond
    FROM (
      SELECT *, coalesce(sum(bytes) OVER before, 0) AS bytes_before,
        lag(bytes, 1, 0) OVER before AS previous_bytes, lag(id, 1, '') OVER before AS previous_id,
        lead(id) OVER before IS NULL AS is_last
      FROM (
        SELECT *, CASE WHEN fits THEN ${bytes} ELSE 0 END AS bytes FROM (
          SELECT *, row_number() OVER () AS position, coalesce(${condition}, false) AS fits
          FROM (SELECT ${columns} FROM ${source.from(table)} ORDER BY ${source.order} LIMIT $2) AS read) AS judged) AS weighed
      WINDOW before AS (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS summed) AS searched
  WHERE is_found OR is_beyond OR is_last
  LIMIT $3`;
}
