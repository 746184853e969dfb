import { PAYLOAD_BUDGET } from '@querator/core';
import { METADATA_COLUMN } from './metadata-column.ts';

/** SQL for the bytes of an item's content. PostgreSQL knows the length of a value without reading it. */
export const CONTENT_BYTES = `coalesce(octet_length(payload), 0) + ${['reference', 'encoding', 'kind']
  .map((text) => `octet_length(${text})`)
  .join(' + ')}`;

/** The same with its details, as a call returns them. */
export const BYTES_WITH_DETAILS = `${CONTENT_BYTES} + coalesce(octet_length(${METADATA_COLUMN.name}::text), 0)`;

/**
 * SQL for the bytes of all rows before this one, in their present order. Null for the
 * first. Does not sort.
 *
 * @param bytes the column with the length of each row.
 */
export function bytesBefore(bytes: string): string {
  return `sum(${bytes}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
}

/**
 * SQL for the rows to return. Rows are returned until the budget is spent, so the
 * first is returned however large it is. Whether rows were cut off follows from the
 * size of the others: see core's `isBudgetSpent`.
 *
 * @param before the column of {@link bytesBefore}.
 */
export function withinBudget(before: string): string {
  return `(${before} IS NULL OR ${before} < ${PAYLOAD_BUDGET})`;
}
