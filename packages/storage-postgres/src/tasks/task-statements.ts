import { TASK_RECORD_TIMEOUT, TASK_RECORDS_MAX, toMilliseconds } from '@querator/core';
import { nowSql } from '../sql/partition-table.ts';

/*
 * The statements of tasks. Each gets the table as SQL, and `now` as `nowParameter`
 * gives it in its first parameter.
 */

const NOW = nowSql('$1');
const KEPT = `interval '${toMilliseconds(TASK_RECORD_TIMEOUT)} milliseconds'`;
/** The most ended tasks that a creation removes. */
const PRUNED = 1_000;

/** Parameters: the values of `taskToValues`. No row if the id or `exclusive` is taken. */
export const insertInto = (tasks: string) => `
  INSERT INTO ${tasks} (id, kind, version, queue, namespace, exclusive, about, state, matched, done, failed,
    faults, created_at, resume_at, waits_since, generation)
  SELECT $2::text, $3::text, $4::int, $5::text, $6::text, $7::text, $8::text, 'running', 0, 0, 0, 0,
    ${NOW}, ${NOW}, ${NOW}, 0
  ON CONFLICT DO NOTHING RETURNING *`;

/** Removes ended tasks that need not be kept. Leaves alone those that another process is removing. */
export const pruneFrom = (tasks: string) => `
  DELETE FROM ${tasks} WHERE id IN (
    SELECT id FROM ${tasks} WHERE ended_at < ${NOW} - ${KEPT} LIMIT ${PRUNED} FOR UPDATE SKIP LOCKED)
  OR id IN (
    SELECT id FROM ${tasks} WHERE ended_at IN (
      SELECT ended_at FROM ${tasks} WHERE ended_at IS NOT NULL
      ORDER BY ended_at DESC OFFSET ${TASK_RECORDS_MAX} LIMIT ${PRUNED})
    LIMIT ${PRUNED} FOR UPDATE SKIP LOCKED)`;

const isKept = `(ended_at IS NULL OR ended_at >= ${NOW} - ${KEPT})`;

/** Parameter: the id. */
export const getFrom = (tasks: string) => `SELECT * FROM ${tasks} WHERE id = $2 AND ${isKept}`;

/** Parameters: namespaces, kind, queue, state, time and id of the last task before, limit. */
export const listFrom = (tasks: string) => `
  SELECT * FROM ${tasks}
  WHERE ${isKept} AND ($2::text[] IS NULL OR namespace = ANY ($2))
    AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR queue = $4)
    AND ($5::text IS NULL OR state = $5)
    AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7::text))
  ORDER BY created_at DESC, id DESC LIMIT $8`;

/** Parameters: the kinds, their versions, owner, timeout. Skips tasks that another process is claiming. */
export const claimIn = (tasks: string) => `
  WITH found AS (
    SELECT id FROM ${tasks} AS task
    WHERE state = 'running' AND (claimed_until IS NULL OR claimed_until < ${NOW}) AND resume_at <= ${NOW}
      AND EXISTS (SELECT FROM unnest($2::text[], $3::int[]) AS known (kind, version)
        WHERE known.kind = task.kind AND known.version >= task.version)
    ORDER BY waits_since, id LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE ${tasks} AS task SET owner = $4, generation = generation + 1, claimed_until = ${NOW} + $5::interval,
    started_at = coalesce(started_at, ${NOW}), waits_since = ${NOW}
  FROM found WHERE task.id = found.id RETURNING task.*, ${NOW}::text AS now`;

const IS_CLAIMED = `id = $2 AND generation = $3 AND state = 'running' AND claimed_until IS NOT NULL`;

/** $4 to $9: counts, faults, checkpoint and error. NULL: stays as it is. An empty error: none. */
const CHANGES = `matched = coalesce($4::bigint, matched), done = coalesce($5::bigint, done),
    failed = coalesce($6::bigint, failed), faults = coalesce($7::int, faults),
    checkpoint = coalesce($8::text, checkpoint),
    error = CASE WHEN $9::text IS NULL THEN error ELSE nullif($9, '') END`;

/** Parameters: id, generation, the changes, pause, timeout. */
export const saveIn = (tasks: string) => `
  UPDATE ${tasks} SET ${CHANGES},
    resume_at = CASE WHEN $10::interval IS NULL OR cancel_requested_at IS NOT NULL THEN resume_at
      ELSE greatest(resume_at, ${NOW} - interval '1 second') + $10 END,
    claimed_until = ${NOW} + $11::interval, waits_since = ${NOW}
  WHERE ${IS_CLAIMED} RETURNING *, ${NOW}::text AS now`;

/** Parameters: id, generation, the changes, state. */
export const endIn = (tasks: string) => `
  UPDATE ${tasks} SET ${CHANGES}, state = $10, ended_at = ${NOW}, claimed_until = NULL
  WHERE ${IS_CLAIMED} RETURNING *`;

/** Parameters: id, generation. */
export const releaseIn = (tasks: string) => `
  UPDATE ${tasks} SET claimed_until = NULL, waits_since = ${NOW} WHERE ${IS_CLAIMED}`;

/** Parameter: the id. A task that waits for its rate must not wait to be cancelled. */
export const cancelIn = (tasks: string) => `
  UPDATE ${tasks} SET cancel_requested_at = ${NOW}, resume_at = ${NOW}
  WHERE id = $2 AND state = 'running' AND cancel_requested_at IS NULL RETURNING *`;
