import { addDuration, parseDuration } from '@querator/core';
import {
  type ForeignBatch,
  type ForeignJob,
  type ForeignQueue,
  type ForeignSystem,
  itemOf,
  NEVER,
} from './foreign-system.ts';
import { instantOf, numberOf, PostgresJobs, type Row, textOf } from './postgres-jobs.ts';

/** After so long, Graphile Worker gives up a worker. */
const LOCK = parseDuration('4h');

interface JobRow {
  readonly job: Row;
  readonly payload: string;
  readonly queue: string | null;
}

/**
 * Reads Graphile Worker 0.16 and later. Each task identifier is a queue.
 *
 * @param address a connection string; `?schema=` names another schema than `graphile_worker`.
 */
export async function openGraphileWorker(address: string): Promise<ForeignSystem> {
  const jobs = await PostgresJobs.open(address, 'graphile_worker', '_private_jobs');
  return {
    queues: () => queuesOf(jobs),
    batches: (queue) => batchesOf(jobs, queue),
    close: () => jobs.close(),
  };
}

async function queuesOf(jobs: PostgresJobs): Promise<readonly ForeignQueue[]> {
  const rows = await jobs.rows<{ name: string; most: number | null; failed: number; crons: number }>(
    `SELECT t.identifier AS name, max(j.max_attempts)::int AS most,
      (count(*) FILTER (WHERE j.attempts >= j.max_attempts AND j.locked_at IS NULL))::int AS failed,
      (SELECT count(*)::int FROM ${jobs.schema}_private_known_crontabs AS c WHERE c.identifier = t.identifier) AS crons
    FROM ${jobs.schema}_private_tasks AS t LEFT JOIN ${jobs.schema}_private_jobs AS j ON j.task_id = t.id
    GROUP BY t.id, t.identifier ORDER BY t.identifier`,
  );
  return rows.map(({ name, most, failed, crons }) => ({
    name,
    settings: { leaseTimeout: '4h', expireTimeout: NEVER, maxAttempts: most ?? 25, deadQueue: '' },
    lacks: ['delay of retries', ...(crons > 0 ? [`${crons} cron item(s)`] : [])],
    staying: new Map(failed > 0 ? [['failed', failed]] : []),
  }));
}

async function* batchesOf(jobs: PostgresJobs, queue: string): AsyncGenerator<ForeignBatch> {
  const sql = `SELECT to_jsonb(j) - 'payload' AS job, j.payload::text, q.queue_name AS queue
    FROM ${jobs.schema}_private_jobs AS j JOIN ${jobs.schema}_private_tasks AS t ON t.id = j.task_id
      LEFT JOIN ${jobs.schema}_private_job_queues AS q ON q.id = j.job_queue_id
    WHERE t.identifier = $1 AND (j.attempts < j.max_attempts OR j.locked_at IS NOT NULL)
    ORDER BY j.priority, j.run_at, j.id`;
  for await (const rows of jobs.pages<JobRow>(sql, [queue])) {
    yield { jobs: rows.map((row) => jobOf(jobs, row)) };
  }
}

function jobOf({ now }: PostgresJobs, { job, payload, queue }: JobRow): ForeignJob {
  const id = String(job['id']);
  const lockedAt = instantOf(job['locked_at']);
  const key = textOf(job['key']);
  const item = itemOf({
    ...{ payload, now, attempts: numberOf(job['attempts']), maxAttempts: numberOf(job['max_attempts']) },
    ids: { 'graphile-worker.id': id, ...(key === '' ? {} : { 'graphile-worker.key': key }) },
    ...{ error: textOf(job['last_error']), runAt: instantOf(job['run_at']) },
    leasedUntil: lockedAt && addDuration(lockedAt, LOCK),
  });
  const lacks = [
    ...(numberOf(job['priority']) === 0 ? [] : ['priority']),
    ...(key === '' ? [] : ['job key']),
    ...(queue === null ? [] : ['named queue']),
    ...(job['flags'] == null ? [] : ['flags']),
  ];
  return { key: `graphile-worker/${id}`, item, lacks };
}
