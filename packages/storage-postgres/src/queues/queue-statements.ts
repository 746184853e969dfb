import type { Statement } from '../database/database.ts';
import { nowSql } from '../sql/partition-table.ts';
import { PAUSES } from './pauses.ts';
import { QUEUE_COLUMNS } from './row-to-queue.ts';

const ALL = QUEUE_COLUMNS.join(', ');
const RETURNED = `${ALL}, created_at, updated_at`;

/**
 * Adds a queue, with the parameters of `queueToValues` and the time $10. Stores nothing if
 * the index $11, which keeps names with the same hash apart, is missing.
 */
export const insertInto = (queues: string) => `
  INSERT INTO ${queues} (${ALL}, created_at, updated_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, ${nowSql('$10')}, ${nowSql('$10')}
  WHERE $11::text IS NULL OR to_regclass($11::text) IS NOT NULL
  RETURNING ${RETURNED}, ${nowSql('$10')} AS read_at`;

/** Replaces the pauses of the queue $1 by the JSON $2, at the time $3. */
export const pauseIn = (queues: string) => `
  UPDATE ${queues} SET partitions = jsonb_set(partitions, ${PAUSES}, $2::jsonb), updated_at = ${nowSql('$3')}
  WHERE name = $1
  RETURNING ${RETURNED}, ${nowSql('$3')} AS read_at`;

/** Changes the placement of the partition $2 of the queue $1 as the JSON $3 says, at the time $4. What else it has stays. */
export const placeIn = (queues: string) => `
  UPDATE ${queues} SET updated_at = ${nowSql('$4')}, partitions = jsonb_set(partitions, ARRAY[$2::int::text],
    (partitions -> $2::int) - 'moving' || $3::jsonb)
  WHERE name = $1
  RETURNING ${RETURNED}, ${nowSql('$4')} AS read_at`;

/** Gives the queue $1 the partitions of the JSON $2, and requests as many as $3, at the time $4. */
export const resizeIn = (queues: string) => `
  UPDATE ${queues} SET partitions = $2::jsonb, requested_partitions = $3, updated_at = ${nowSql('$4')}
  WHERE name = $1
  RETURNING ${RETURNED}, ${nowSql('$4')} AS read_at`;

/** Replaces the settings of the queue $1, at the time $8. */
export const updateIn = (queues: string) => `
  UPDATE ${queues} SET lease_timeout_ns = $2, expire_timeout_ns = $3, dead_queue = $4,
    max_attempts = $5, reference = $6, requested_partitions = $7, updated_at = ${nowSql('$8')}
  WHERE name = $1
  RETURNING ${RETURNED}, ${nowSql('$8')} AS read_at`;

/** The stamps of queues. @param moves how often the schema of the tables has changed: its prepared statements differ. */
export function stampsOf(queues: string, names: readonly string[], moves: number): Statement {
  return {
    name: `queue_stamps${moves === 0 ? '' : `_${moves}`}`,
    text: `SELECT name, created_at, updated_at FROM ${queues} WHERE name = ANY ($1::text[])`,
    values: [names],
  };
}
