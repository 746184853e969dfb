import { milliseconds, type PartitionStore, SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PoolRegistry, postgresBackend } from '../src/index.ts';

/** Of the queue `my-queue`: the first 12 hex digits of its MD5, and the partition in 6 digits. */
const LABEL = '255436d8bdc5_000003';
const TABLE = `items_${LABEL}`;

describe('the table of a partition', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    // A collation other than "C", if the server has one: order must not depend on it.
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    const backend = postgresBackend({
      name: 'schema',
      connectionString: database.connectionString,
      registry: new PoolRegistry(),
      random: new SystemRandom(),
    });
    const store: PartitionStore = backend.partitionStore({ queue: 'my-queue', partition: 3 });
    await store.lease({ limit: 1, leaseTimeout: milliseconds(1) });
    await backend.close();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  test('has the documented columns', async () => {
    const { rows } = await client.query(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
         pg_get_expr(adbin, adrelid) AS otherwise, collname AS collation
       FROM pg_attribute
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         LEFT JOIN pg_collation ON pg_collation.oid = attcollation
       WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
      [TABLE],
    );
    const column = (name: string, type: string, required: boolean, otherwise: string | null = null) => ({
      ...{ name, type, required, otherwise },
      collation: type === 'text' ? (name === 'id' ? 'C' : 'default') : null,
    });
    const time = 'timestamp with time zone';
    expect(rows).toEqual([
      column('id', 'text', true),
      column('source_id', 'text', false),
      column('is_leased', 'boolean', true, 'false'),
      column('lease_deadline', time, false),
      column('expire_deadline', time, true),
      column('enqueue_at', time, false),
      column('created_at', time, true),
      column('attempts', 'integer', true, '0'),
      column('max_attempts', 'integer', true, '0'),
      column('reference', 'text', true, "''::text"),
      column('encoding', 'text', true, "''::text"),
      column('kind', 'text', true, "''::text"),
      column('payload', 'bytea', false),
      column('metadata', 'jsonb', false),
    ]);
  });

  test('has the documented indexes, the lease index with the id appended', async () => {
    const { rows } = await client.query(
      `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
       WHERE indrelid = $1::regclass ORDER BY 1`,
      [TABLE],
    );
    const on = `ON public.${TABLE} USING btree`;
    expect(rows.map(({ definition }) => definition)).toEqual([
      `CREATE INDEX idx_${LABEL}_dln ${on} (lease_deadline) WHERE (is_leased = true)`,
      `CREATE INDEX idx_${LABEL}_exp ${on} (expire_deadline)`,
      `CREATE INDEX idx_${LABEL}_lse ${on} (is_leased, enqueue_at, id) WHERE ((is_leased = false) AND (enqueue_at IS NULL))`,
      `CREATE INDEX idx_${LABEL}_sch ${on} (enqueue_at) WHERE (enqueue_at IS NOT NULL)`,
      `CREATE UNIQUE INDEX idx_${LABEL}_src ${on} (source_id) WHERE (source_id IS NOT NULL)`,
      `CREATE UNIQUE INDEX ${TABLE}_pkey ${on} (id)`,
    ]);
  });

  test('is created with no objects but ours', async () => {
    const { rows } = await client.query(
      `SELECT relname AS name, relkind AS kind FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') ORDER BY 1`,
    );
    expect(rows).toEqual([
      { name: TABLE, kind: 'r' },
      { name: 'querator_item_id', kind: 'S' },
      { name: 'querator_queues', kind: 'r' },
      { name: 'querator_schema', kind: 'r' },
    ]);
  });
});
