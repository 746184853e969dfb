import { md5 } from '@noble/hashes/legacy.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { PartitionKey } from '@querator/core';

const HASH_DIGITS = 12;
const PARTITION_DIGITS = 6;

/**
 * Identifies a queue in the names of its tables: the first digits of the MD5 of its
 * name. It only shortens the name, and protects nothing. Computed without OpenSSL,
 * which refuses MD5 in FIPS mode.
 */
export function queueHash(queue: string): string {
  return bytesToHex(md5(utf8ToBytes(queue))).slice(0, HASH_DIGITS);
}

/**
 * Identifies a partition in the names of its table and indexes: `<hash>_<partition>`.
 * The hash keeps queue names of any length and alphabet within PostgreSQL's limits for
 * identifiers.
 */
export function partitionLabel(key: PartitionKey): string {
  return `${queueHash(key.queue)}_${String(key.partition).padStart(PARTITION_DIGITS, '0')}`;
}

/** The name of a partition's table: `items_<hash>_<partition>`. */
export function itemsTableName(key: PartitionKey): string {
  return `items_${partitionLabel(key)}`;
}

/** The name of the table of a partition's dedup keys: `keys_<hash>_<partition>`. */
export function keysTableName(key: PartitionKey): string {
  return `keys_${partitionLabel(key)}`;
}

/** The name of the index that leases use. */
export function leaseIndexName(key: PartitionKey): string {
  return `idx_${partitionLabel(key)}_lse`;
}

/** The name of the sequence of item ids. */
export const ITEM_ID_SEQUENCE = 'querator_item_id';
