import { nowSql } from '../sql/partition-table.ts';

/** Where schedules and their queues are stored, as SQL. */
export interface ScheduleTables {
  readonly schedules: string;
  readonly queues: string;
}

/** The queue of a schedule. A later queue of the same name is another one. */
const ITS_QUEUE = 'queue.name = schedule.queue_name AND queue.created_at = schedule.queue_created_at';

/** Keeps the queue $1 from being deleted until the transaction ends. */
export const lockQueueIn = ({ queues }: ScheduleTables) =>
  `SELECT created_at FROM ${queues} WHERE name = $1 FOR KEY SHARE`;

/** Removes the schedules of the namespace $1 whose queues are gone. */
export const removeOrphansFrom = ({ schedules, queues }: ScheduleTables) => `
  DELETE FROM ${schedules} AS schedule
  WHERE namespace = $1 AND NOT EXISTS (SELECT FROM ${queues} AS queue WHERE ${ITS_QUEUE})`;

/** How many schedules the namespace $1 has, whether one has the name $2, and the time, which is $3. */
export const countIn = ({ schedules }: ScheduleTables) => `
  SELECT count(*)::int AS count, coalesce(bool_or(name = $2), false) AS taken, ${nowSql('$3')} AS now
  FROM ${schedules} WHERE namespace = $1`;

/** Adds a schedule at the time $9. */
export const insertInto = ({ schedules }: ScheduleTables) => `
  INSERT INTO ${schedules} AS schedule (id, namespace, name, queue_name, queue_created_at, settings, state,
    look_at, claim, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5::timestamptz, $6, $7, $8::timestamptz, 0, ${nowSql('$9')}, ${nowSql('$9')})
  RETURNING schedule.*`;

/** A page of the namespace $1: from the name $2 on, at most $3, of the queue $4 or all. */
export const listIn = ({ schedules, queues }: ScheduleTables) => `
  SELECT schedule.* FROM ${schedules} AS schedule JOIN ${queues} AS queue ON ${ITS_QUEUE}
  WHERE schedule.namespace = $1 AND schedule.name >= $2 AND ($4::text IS NULL OR schedule.queue_name = $4)
  ORDER BY schedule.name LIMIT $3`;

/** Locks the schedule $2 of the namespace $1 until the transaction ends. The time is $3. */
export const lockIn = ({ schedules, queues }: ScheduleTables) => `
  SELECT schedule.*, ${nowSql('$3')} AS now
  FROM ${schedules} AS schedule JOIN ${queues} AS queue ON ${ITS_QUEUE}
  WHERE schedule.namespace = $1 AND schedule.name = $2 FOR UPDATE OF schedule`;

/** Changes the schedule $1. $5: whether its due time stays. The time is $6. */
export const updateIn = ({ schedules }: ScheduleTables) => `
  UPDATE ${schedules} AS schedule SET settings = $2, state = $3, look_at = $4::timestamptz, claim = claim + 1,
    attempted_at = CASE WHEN $5::boolean THEN attempted_at END, updated_at = ${nowSql('$6')}
  WHERE id = $1 RETURNING schedule.*`;

/** Removes the schedule $2 of the namespace $1. */
export const deleteFrom = ({ schedules, queues }: ScheduleTables) => `
  DELETE FROM ${schedules} AS schedule USING ${queues} AS queue
  WHERE ${ITS_QUEUE} AND schedule.namespace = $1 AND schedule.name = $2 RETURNING 1`;

/**
 * Claims $1 due schedules for the interval $2, and removes those without a queue. The
 * time is $3. Always returns a row; without a claim its other columns are NULL.
 *
 * Rows that another process is claiming are skipped, so that no two processes wait for
 * each other. `due` has the rows as they were before the claim.
 */
export const claimIn = ({ schedules, queues }: ScheduleTables) => `
  WITH due AS (
    SELECT schedule.id, schedule.attempted_at, queue.name IS NOT NULL AS has_queue
    FROM ${schedules} AS schedule LEFT JOIN ${queues} AS queue ON ${ITS_QUEUE}
    WHERE schedule.look_at <= ${nowSql('$3')}
    ORDER BY schedule.look_at LIMIT $1 FOR UPDATE OF schedule SKIP LOCKED),
  gone AS (
    DELETE FROM ${schedules} AS schedule USING due WHERE schedule.id = due.id AND NOT has_queue),
  claimed AS (
    UPDATE ${schedules} AS schedule SET look_at = ${nowSql('$3')} + $2::interval, claim = claim + 1,
      attempted_at = coalesce(schedule.attempted_at, ${nowSql('$3')})
    FROM due WHERE schedule.id = due.id AND has_queue
    RETURNING schedule.*, due.attempted_at AS doubt_since)
  SELECT ${nowSql('$3')} AS now, claimed.*, (
    SELECT extract(epoch FROM look_at - ${nowSql('$3')})::float8 * 1000 FROM ${schedules} AS schedule
    WHERE look_at IS NOT NULL AND NOT EXISTS (SELECT FROM due WHERE due.id = schedule.id)
    ORDER BY look_at LIMIT 1) AS next_ms
  FROM (SELECT 1) AS one LEFT JOIN claimed ON true`;

/**
 * Ends the claim $2 of the schedule $1 with the state $3, to be claimed again at $4, or
 * the interval $5 from now. $6: whether the attempt is in doubt. The time is $7.
 */
export const settleIn = ({ schedules }: ScheduleTables) => `
  UPDATE ${schedules} SET state = $3, claim = claim + 1,
    look_at = coalesce(${nowSql('$7')} + $5::interval, $4::timestamptz),
    attempted_at = CASE WHEN $6::boolean THEN attempted_at END
  WHERE id = $1 AND claim = $2 RETURNING 1`;
