import { createHash } from 'node:crypto';
import type { PartitionKey } from '@querator/core';

const HASH_DIGITS = 12;
const PARTITION_DIGITS = 6;

/**
 * What stands for a partition in the names of its table and indexes:
 * `<hash>_<partition>`. The hash keeps any queue name, of whatever length and
 * alphabet, within what PostgreSQL takes as an identifier.
 */
export function partitionLabel(key: PartitionKey): string {
  const hash = createHash('md5').update(key.queue, 'utf8').digest('hex').slice(0, HASH_DIGITS);
  return `${hash}_${String(key.partition).padStart(PARTITION_DIGITS, '0')}`;
}

/** The name of a partition's table: `items_<hash>_<partition>`. */
export function itemsTableName(key: PartitionKey): string {
  return `items_${partitionLabel(key)}`;
}
