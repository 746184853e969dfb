import { PAYLOAD_BUDGET } from '@querator/core';

/** SQL for the bytes of an item's content. No value is read for it: PostgreSQL knows a value's length without it. */
export const CONTENT_BYTES = `coalesce(octet_length(payload), 0) + ${['reference', 'encoding', 'kind']
  .map((text) => `octet_length(${text})`)
  .join(' + ')}`;

/**
 * SQL for the bytes of all rows before this one, in the order they come in;
 * null for the first. It sorts nothing.
 *
 * @param bytes the column that has the length of each.
 */
export function bytesBefore(bytes: string): string {
  return `sum(${bytes}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
}

/**
 * SQL for the rows to take. One more is always taken until the budget is
 * spent, so that the first is taken however large it is, and rows that were
 * cut off are told by what the others hold: see core's `isBudgetSpent`.
 *
 * @param before the column of {@link bytesBefore}.
 */
export function withinBudget(before: string): string {
  return `(${before} IS NULL OR ${before} < ${PAYLOAD_BUDGET})`;
}
