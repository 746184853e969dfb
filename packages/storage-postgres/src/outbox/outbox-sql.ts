import { MOST_COUNTED_ROWS, OUTBOX_HOLD_MS } from '@querator/core';
import { PREPARED } from '../low-water-mark/low-water-snapshot.ts';

/** How long a relay has to hold an outbox until no call of an earlier one can still be running. */
const EARLIER_CALLS = `interval '60 seconds'`;
/** The age at which the dedup key of a batch may have ended; its window is an hour longer. */
const KEYS_LAST = `interval '23 hours'`;
/** The shortest and the longest time between two tries of a queue, in milliseconds. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

const HELD = `clock_timestamp() + interval '${OUTBOX_HOLD_MS} milliseconds'`;
const SIZE = 'octet_length(payload) + octet_length(encoding) + octet_length(kind) + octet_length(reference)';
/** What `readRow` reads, in its order. `ORDER BY id` would sort by a column of the result with that name. */
const ROW = `id::text AS row_id, payload, encoding, kind, reference, enqueue_at, metadata::text`;

/**
 * A relay keeps a share of this lock while it changes what others see, so that none of
 * its statements takes effect after another relay, or an operator, has taken the lock.
 */
const mine = (s: string, token: string) => `mine AS MATERIALIZED (
    SELECT outbox_id, drops FROM ${s}.settings WHERE relay = ${token} FOR SHARE)`;

/** What a relay needs to know of the queues of `first`. */
const stateOf = (s: string) => `SELECT first.queue, batches.queue IS NOT NULL AS "hasBatch",
    faults.queue IS NOT NULL AS "hasFault",
    faults.queue IS NULL OR faults.retry_at <= clock_timestamp() AS "mayGo" FROM first
  LEFT JOIN ${s}.batches ON batches.queue = first.queue
  LEFT JOIN ${s}.faults ON faults.queue = first.queue`;

/** The next queue with rows after a name, before `until`. NULL: there is none. */
const nextIn = (s: string, after: string) => `CASE WHEN until IS NULL
      THEN (SELECT next.queue FROM ${s}.outbox AS next WHERE next.queue > ${after} ORDER BY next.queue LIMIT 1)
      ELSE (SELECT next.queue FROM ${s}.outbox AS next WHERE next.queue > ${after} AND next.queue < until
        ORDER BY next.queue LIMIT 1) END`;

/** The first row of a queue from its mark on. NULL: there is none. */
const firstFrom = (s: string, named: string) => `(SELECT id FROM ${s}.outbox AS kept
      WHERE kept.queue = ${named}.queue COLLATE "C" AND kept.id >= ${named}.mark ORDER BY id LIMIT 1)`;

/** The statements on the outbox of a schema. @param s the schema, quoted. */
export const outboxSql = (s: string) => ({
  // A clock that was set back must not let a dead relay hold the outbox for longer.
  hold: `
  UPDATE ${s}.settings SET relay = $1, relay_name = $2, relay_until = ${HELD},
    relay_since = CASE WHEN relay = $1 THEN relay_since ELSE clock_timestamp() END
  WHERE relay IS NULL OR relay = $1 OR relay_until < clock_timestamp() OR relay_until > ${HELD}
  RETURNING version`,

  release: `UPDATE ${s}.settings SET relay = NULL, relay_until = NULL WHERE relay = $1`,

  // One step into the index per queue, however many rows each has.
  queues: `
  WITH RECURSIVE named AS (
    (SELECT queue FROM ${s}.outbox WHERE queue > $1 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT next.queue FROM ${s}.outbox AS next WHERE next.queue > named.queue ORDER BY next.queue LIMIT 1)
    FROM named WHERE named.queue IS NOT NULL),
  first AS (SELECT queue FROM named WHERE queue IS NOT NULL LIMIT $2)
  ${stateOf(s)}`,

  // As `queues`, for an outbox in which some queues ($3) have no rows below their marks ($4). The
  // steps go through the gaps between their names, so that they pass no dead entry of those.
  queuesFromMarks: `
  WITH RECURSIVE marked AS MATERIALIZED (
    SELECT queue COLLATE "C" AS queue, mark FROM unnest($3::text[], $4::bigint[]) AS u (queue, mark)
    WHERE queue COLLATE "C" > $1),
  starts AS (SELECT $1::text COLLATE "C" AS queue UNION ALL SELECT queue FROM marked),
  gaps AS MATERIALIZED (SELECT queue AS start, lead(queue) OVER (ORDER BY queue) AS until FROM starts),
  named AS (
    SELECT ${nextIn(s, 'gaps.start')} AS queue, until FROM gaps
    UNION ALL
    SELECT ${nextIn(s, 'named.queue')}, until FROM named WHERE named.queue IS NOT NULL),
  found AS (
    SELECT queue FROM named WHERE queue IS NOT NULL
    UNION ALL
    SELECT queue FROM marked WHERE ${firstFrom(s, 'marked')} IS NOT NULL),
  first AS (SELECT queue FROM found ORDER BY queue LIMIT $2)
  ${stateOf(s)} ORDER BY first.queue`,

  check: `
  SELECT ARRAY(SELECT CASE WHEN pid IS NULL THEN '${PREPARED}' ELSE virtualtransaction END FROM pg_locks
      WHERE locktype = 'relation' AND relation = '${s.replaceAll("'", "''")}.outbox'::regclass AND mode = 'RowExclusiveLock') AS writers,
    ARRAY(SELECT ${firstFrom(s, 'named')}::text
      FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS named (queue, mark, place) ORDER BY place) AS firsts`,

  below: `
  SELECT queue FROM unnest($1::text[], $2::bigint[]) AS named (queue, mark)
  WHERE (SELECT id FROM ${s}.outbox AS kept WHERE kept.queue = named.queue COLLATE "C" AND kept.id < named.mark
    ORDER BY id LIMIT 1) IS NOT NULL`,

  rows: `
  SELECT ${ROW}, (SELECT drops FROM ${s}.settings) AS drops
  FROM (SELECT first.*, sum(${SIZE}) OVER (ORDER BY id) - (${SIZE}) AS before
    FROM (SELECT * FROM ${s}.outbox WHERE queue = $1 AND id >= $4 ORDER BY id LIMIT $2) AS first) AS sized
  WHERE before < $3 ORDER BY id`,

  rowsOfBatch: `SELECT ${ROW}, 0 AS drops FROM ${s}.outbox WHERE queue = $1 AND id = ANY ($2::bigint[]) ORDER BY id`,

  batch: `
  SELECT dedup_key AS "dedupKey", ids::text[] AS ids,
    batches.relay = $2 OR (settings.relay = $2 AND relay_since < clock_timestamp() - ${EARLIER_CALLS}) AS "isOwn",
    begun_at < clock_timestamp() - ${KEYS_LAST} AS "isOld"
  FROM ${s}.batches, ${s}.settings WHERE queue = $1`,

  // After a failover ids may come twice, so the key has more than that of the first row.
  beginBatch: `
  WITH ${mine(s, '$1')}
  INSERT INTO ${s}.batches (queue, dedup_key, ids, relay)
  SELECT $2, 'outbox/' || outbox_id || '/' || ($3::bigint[])[1] || '/' || md5(random()::text || clock_timestamp()::text),
    $3::bigint[], $1 FROM mine WHERE drops = $4::int
  ON CONFLICT (queue) DO NOTHING RETURNING dedup_key AS "dedupKey"`,

  endBatch: `
  WITH ended AS (DELETE FROM ${s}.batches WHERE queue = $1 AND dedup_key = $2),
  cleared AS (DELETE FROM ${s}.faults WHERE queue = $1),
  moved AS (DELETE FROM ${s}.outbox WHERE queue = $1 AND id = ANY ($3::bigint[]) RETURNING enqueued_at)
  SELECT (extract(epoch FROM clock_timestamp() - min(enqueued_at)) * 1000)::float8 AS "oldestMs" FROM moved`,

  fail: `
  WITH ${mine(s, '$1')},
  ended AS (DELETE FROM ${s}.batches USING mine WHERE queue = $2 AND dedup_key = $7)
  INSERT INTO ${s}.faults AS kept (queue, row_id, code, reason, tries, retry_at)
  SELECT $2, $3::bigint, $4, $5, 1,
    clock_timestamp() + greatest($6::float8, ${FIRST_PAUSE_MS}) * interval '1 millisecond' FROM mine
  ON CONFLICT (queue) DO UPDATE SET row_id = excluded.row_id, code = excluded.code, reason = excluded.reason,
    tries = least(kept.tries + 1, 1000000),
    retry_at = clock_timestamp() + interval '1 millisecond' *
      greatest($6::float8, least(${FIRST_PAUSE_MS} * power(2, least(kept.tries, 20)), ${LONGEST_PAUSE_MS}))
  RETURNING tries`,

  list: `
  WITH RECURSIVE named AS (
    (SELECT queue FROM ${s}.outbox WHERE queue > $1 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT next.queue FROM ${s}.outbox AS next WHERE next.queue > named.queue ORDER BY next.queue LIMIT 1)
    FROM named WHERE named.queue IS NOT NULL),
  first AS (SELECT queue FROM named WHERE queue IS NOT NULL LIMIT 1000)
  SELECT first.queue, held.rows,
    (extract(epoch FROM clock_timestamp() - held.oldest) * 1000)::float8 AS "oldestMs",
    row_id::text AS "rowId", code, reason, tries,
    (extract(epoch FROM retry_at - clock_timestamp()) * 1000)::float8 AS "retryInMs"
  FROM first
  CROSS JOIN LATERAL (SELECT count(*)::int AS rows, min(enqueued_at) AS oldest FROM (
    SELECT enqueued_at FROM ${s}.outbox WHERE queue = first.queue ORDER BY id LIMIT ${MOST_COUNTED_ROWS}) AS counted) AS held
  LEFT JOIN ${s}.faults ON faults.queue = first.queue ORDER BY first.queue`,

  retry: `
  WITH forgotten AS (
    DELETE FROM ${s}.batches WHERE queue = $1 AND begun_at < clock_timestamp() - ${KEYS_LAST})
  UPDATE ${s}.faults SET retry_at = clock_timestamp() WHERE queue = $1 RETURNING 1`,

  beginDrop: `UPDATE ${s}.settings SET drops = drops + 1`,
  drop: `
  WITH sent AS (SELECT unnest(ids) AS id FROM ${s}.batches WHERE queue = $1),
  gone AS (DELETE FROM ${s}.outbox AS kept WHERE queue = $1 AND ($2::bigint IS NULL OR id = $2)
    AND NOT EXISTS (SELECT FROM sent WHERE sent.id = kept.id) RETURNING 1),
  cleared AS (DELETE FROM ${s}.faults WHERE queue = $1 AND NOT EXISTS (SELECT FROM sent))
  SELECT (SELECT count(*) FROM gone)::int AS dropped,
    (SELECT count(*) FROM sent WHERE $2::bigint IS NULL OR id = $2)::int AS "inBatch"`,
});

/** Waiting for the disk would only make the renewals of a hold slower: one that is lost in a crash ends early. */
export const WITHOUT_WAITING = `SELECT 1 WHERE set_config('synchronous_commit', 'off', true) IS NULL`;
