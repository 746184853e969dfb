import { randomUUID } from 'node:crypto';
import { itemsTableName } from '@querator/storage-postgres';
import pg from 'pg';
import { measure, type Rate } from './rate.ts';

/** The three rates of one batch size. */
export interface Rates {
  readonly produce: Rate;
  readonly lease: Rate;
  readonly complete: Rate;
}

/** What every measurement is told. */
export interface Load {
  readonly batch: number;
  readonly payloadBytes: number;
  readonly durationMs: number;
  readonly clients: number;
}

/**
 * What the database does on one connection with the best known statements and
 * nothing around them: the ceiling that the server is measured against. Works
 * on a table of the driver's own making.
 */
export async function rawCeiling(connectionString: string, queue: string, load: Load): Promise<Rates> {
  const client = new pg.Client({ connectionString, application_name: 'querator-bench' });
  await client.connect();
  try {
    const table = `"${itemsTableName({ queue, partition: 0 })}"`;
    const produce = await measure(1, load.durationMs, () => () => produceOnce(client, table, load));
    const leased: string[][] = [];
    const lease = await measure(1, load.durationMs, () => async () => {
      const ids = await leaseOnce(client, table, load);
      if (ids.length > 0) leased.push(ids);
      return ids.length;
    });
    const complete = await measure(1, load.durationMs, () => async () => {
      const ids = leased.pop();
      return ids === undefined ? 0 : completeOnce(client, table, ids);
    });
    return { produce, lease, complete };
  } finally {
    await client.end();
  }
}

let sequence = 0;

async function produceOnce(client: pg.Client, table: string, { batch, payloadBytes }: Load): Promise<number> {
  const ids = Array.from(
    { length: batch },
    () => `raw${(sequence++).toString(16).padStart(16, '0')}${randomUUID().slice(0, 8)}`,
  );
  const payloads = Array.from({ length: batch }, () => Buffer.alloc(payloadBytes, 97));
  await client.query({
    name: 'raw-produce',
    text: `INSERT INTO ${table} (id, expire_deadline, created_at, payload)
           SELECT id, now() + interval '1 day', now(), payload
           FROM unnest($1::text[], $2::bytea[]) AS u (id, payload)`,
    values: [ids, payloads],
  });
  return batch;
}

async function leaseOnce(client: pg.Client, table: string, { batch }: Load): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'raw-lease',
    text: `UPDATE ${table} SET is_leased = true, lease_deadline = now() + interval '1 hour', attempts = attempts + 1
           WHERE id = ANY (ARRAY(
             SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL
             ORDER BY is_leased, enqueue_at, id LIMIT $1 FOR UPDATE SKIP LOCKED))
           RETURNING id, attempts, lease_deadline, reference, encoding, kind, payload`,
    values: [batch],
  });
  return rows.map(({ id }) => id);
}

async function completeOnce(client: pg.Client, table: string, ids: readonly string[]): Promise<number> {
  const { rowCount } = await client.query({
    name: 'raw-complete',
    text: `DELETE FROM ${table} WHERE id = ANY ($1::text[]) RETURNING is_leased`,
    values: [ids],
  });
  return rowCount ?? 0;
}
