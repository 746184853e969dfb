import { addDuration, milliseconds } from '@querator/core';
import {
  type ForeignBatch,
  type ForeignJob,
  type ForeignQueue,
  type ForeignSystem,
  itemOf,
} from './foreign-system.ts';
import { instantOf, numberOf, PostgresJobs, type Row, textOf } from './postgres-jobs.ts';

interface JobRow {
  readonly job: Row;
  readonly data: string | null;
  readonly output: string | null;
}

/** Reads pg-boss 10 and later. @param address a connection string; `?schema=` names another schema than `pgboss`. */
export async function openPgBoss(address: string): Promise<ForeignSystem> {
  const jobs = await PostgresJobs.open(address, 'pgboss', 'queue');
  return {
    queues: () => queuesOf(jobs),
    batches: (queue) => batchesOf(jobs, queue),
    close: () => jobs.close(),
  };
}

async function queuesOf(jobs: PostgresJobs): Promise<readonly ForeignQueue[]> {
  const rows = await jobs.rows<{ queue: Row; staying: Record<string, number> | null; crons: number }>(
    `SELECT to_jsonb(q) AS queue,
      (SELECT jsonb_object_agg(state, jobs) FROM (SELECT state::text, count(*) AS jobs FROM ${jobs.schema}job
        WHERE name = q.name AND state >= 'completed' GROUP BY state) AS counted) AS staying,
      (SELECT count(*)::int FROM ${jobs.schema}schedule AS s WHERE s.name = q.name) AS crons
    FROM ${jobs.schema}queue AS q ORDER BY q.name`,
  );
  return rows
    .filter(({ queue }) => !textOf(queue['name']).startsWith('__pgboss__'))
    .map(({ queue, staying, crons }) => ({
      name: textOf(queue['name']),
      settings: {
        leaseTimeout: `${numberOf(queue['expire_seconds']) || 900}s`,
        expireTimeout: `${Math.max(numberOf(queue['retention_seconds']), numberOf(queue['expire_seconds'])) || 1_209_600}s`,
        maxAttempts: numberOf(queue['retry_limit']) + 1,
        deadQueue: textOf(queue['dead_letter']),
      },
      lacks: lacksOfQueue(queue, crons),
      staying: new Map(Object.entries(staying ?? {})),
    }));
}

function lacksOfQueue(queue: Row, crons: number): readonly string[] {
  const policy = textOf(queue['policy']);
  return [
    ...(policy === '' || policy === 'standard' ? [] : [`policy '${policy}'`]),
    ...(numberOf(queue['retry_delay']) > 0 || queue['retry_backoff'] === true ? ['delay of retries'] : []),
    ...(crons > 0 ? [`${crons} cron schedule(s)`] : []),
  ];
}

async function* batchesOf(jobs: PostgresJobs, queue: string): AsyncGenerator<ForeignBatch> {
  const limits = await jobs.rows<{ limit: number }>(
    `SELECT retry_limit AS limit FROM ${jobs.schema}queue WHERE name = $1`,
    [queue],
  );
  const sql = `SELECT to_jsonb(j) - 'data' - 'output' AS job, j.data::text, j.output::text
    FROM ${jobs.schema}job AS j WHERE name = $1 AND state < 'completed'
    ORDER BY priority DESC, created_on, id`;
  for await (const rows of jobs.pages<JobRow>(sql, [queue])) {
    yield { jobs: rows.map((row) => jobOf(jobs, row, limits[0]?.limit ?? 0)) };
  }
}

function jobOf({ now }: PostgresJobs, { job, data, output }: JobRow, queueLimit: number): ForeignJob {
  const id = textOf(job['id']);
  const startedAt = instantOf(job['started_on']);
  const limit = numberOf(job['retry_limit']);
  const isActive = job['state'] === 'active';
  const expires = milliseconds(numberOf(job['expire_seconds']) * 1_000);
  const item = itemOf({
    ...{ payload: data ?? '', ids: { 'pg-boss.id': id }, now },
    attempts: startedAt === undefined ? 0 : numberOf(job['retry_count']) + 1,
    ...{ maxAttempts: limit + 1, error: output ?? undefined },
    ...{ runAt: instantOf(job['start_after']), expiresAt: instantOf(job['keep_until']) },
    leasedUntil: isActive ? addDuration(startedAt ?? now, expires) : undefined,
  });
  const lacks = [
    ...(numberOf(job['priority']) === 0 ? [] : ['priority']),
    ...(job['singleton_key'] == null ? [] : ['singleton key']),
    ...(job['group_id'] == null ? [] : ['group']),
    ...(job['blocked'] === true || job['blocking'] === true ? ['dependencies'] : []),
    ...(limit === queueLimit ? [] : ['retry limit of its own']),
  ];
  return { key: `pg-boss/${id}`, item, lacks };
}
