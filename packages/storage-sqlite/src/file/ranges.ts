import { StorageError } from '@querator/core';
import type { Connection } from './connection.ts';
import { GREATEST_RANGE } from './sequence.ts';

/**
 * The least range above 0 that no partition has, nor the rows of a dropped one.
 *
 * @throws StorageError if all are in use.
 */
export function freeRange(connection: Connection): bigint {
  const rows = connection.all<{ range: bigint }>(
    `select range from partitions where range > 0
     union select range from dropped_partitions where range > 0 order by range`,
  );
  let free = 1n;
  for (const { range } of rows) if (range === free) free++;
  if (free <= GREATEST_RANGE) return free;
  const text = `${GREATEST_RANGE} partitions from other storages are in the file, and it can hold no more`;
  throw new StorageError(text, { outcome: 'not-applied' });
}
