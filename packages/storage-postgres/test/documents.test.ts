import { readFile } from 'node:fs/promises';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const TABLE = itemsTableName(KEY);

/** The SQL of a page: its statements in order, by fence. */
async function sqlOf(page: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(new URL(`../../../docs/storage/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```sql\n(.*?)^```/gms)].map(([, block = '']) =>
    block
      .replaceAll(/--.*$/gm, '')
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== ''),
  );
}

/** As in the document for users. The third is not SQL that every PostgreSQL accepts, see below. */
const OF_THE_SPECIFICATION = {
  connections: `SELECT count(*) FROM pg_stat_activity WHERE datname = 'querator'`,
  sizes: `SELECT schemaname, tablename,
      pg_size_pretty(pg_total_relation_size(schemaname||'.'||tablename)) AS size
    FROM pg_tables WHERE tablename LIKE 'items_%'
    ORDER BY pg_total_relation_size(schemaname||'.'||tablename) DESC`,
  indexes: `SELECT schemaname, tablename, indexname, idx_scan FROM pg_stat_user_indexes
    WHERE tablename LIKE 'items_%' ORDER BY idx_scan DESC`,
  all: 'SELECT count(*) FROM pg_stat_activity',
};

describe('the SQL of docs/storage/postgres.md', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let blocks: readonly (readonly string[])[];
  /** The superuser, on the database `querator`. */
  let admin: pg.Client;

  beforeAll(async () => {
    blocks = await sqlOf('postgres.md');
    cluster = await startTemporaryCluster({ volatile: true });
    await as(cluster.connectionString(), block('CREATE USER'));
    admin = new pg.Client(cluster.connectionString('querator'));
    await admin.connect();
  }, 60_000);
  afterAll(async () => {
    await admin?.end();
    await cluster?.stop();
  });

  /** The only block with such a statement. */
  function block(beginning: string): readonly string[] {
    const found = blocks.filter((statements) => statements.some((each) => each.startsWith(beginning)));
    expect(found).toHaveLength(1);
    return found[0] ?? [];
  }

  async function as(connectionString: string, statements: readonly string[]): Promise<void> {
    const client = new pg.Client(connectionString);
    await client.connect();
    for (const text of statements) await client.query(text);
    await client.end();
  }

  const addressOf = (user: string) => `postgres://${user}:secret@127.0.0.1:${cluster.port}/querator`;

  /** Produces, leases and completes as that user, and leaves an item. */
  async function workAs(user: string, queue: string): Promise<void> {
    const backend = testBackend(addressOf(user));
    const store = backend.partitionStore({ ...KEY, queue });
    try {
      await store.produce([{ items: [item('a'), item('b')] }], HOUR);
      const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
      expect((await store.complete([{ ids: [leased?.id ?? ''] }]))[0]?.ok).toBe(true);
    } finally {
      await backend.close();
    }
  }

  test('a user and a database of its own are enough', async () => {
    await workAs('querator', KEY.queue);
  });

  test('the grants are enough in a database of another user', async () => {
    await as(cluster.connectionString(), [`CREATE USER querator_user PASSWORD 'secret'`]);
    await expect(workAs('querator_user', 'theirs')).rejects.toThrow('missing: GRANT');
    for (const text of block('GRANT CREATE ON DATABASE')) await admin.query(text);
    const page = await readFile(new URL('../../../docs/storage/postgres.md', import.meta.url), 'utf8');
    const [, grant = ''] = /`(GRANT USAGE, UPDATE ON SEQUENCE [^`]+)`/.exec(page) ?? [];
    await admin.query(grant);
    await workAs('querator_user', 'theirs');
  });

  test('with the grant for statistics a ping reports since when another user keeps dead rows', async () => {
    for (const text of block('GRANT pg_read_all_stats')) await admin.query(text);
    const backend = testBackend(addressOf('querator_user'), { timeouts: { heldHorizonMs: 0 } });
    await admin.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await admin.query('SELECT 1');
    expect((await backend.ping()).map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^dead rows are kept by session \d+ \(postgres, idle in transaction\), for \d+ s$/,
      ),
    ]);
    await admin.query('ROLLBACK');
    await backend.close();
  });

  test('the page describes the table as the driver creates it', async () => {
    const columns = async () => {
      const { rows } = await admin.query(
        `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
           pg_get_expr(adbin, adrelid) AS preset, (SELECT collname FROM pg_collation WHERE oid = attcollation) AS collation
         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = '${TABLE}'::regclass AND attnum > 0 ORDER BY attnum`,
      );
      return rows;
    };
    const made = await columns();
    await admin.query('CREATE SCHEMA described; SET search_path = described');
    for (const text of block('CREATE TABLE items_')) await admin.query(text);
    expect(await columns()).toEqual(made);
    await admin.query('DROP SCHEMA described CASCADE; RESET search_path');
  });

  test('the queries for operators run and return their subjects', async () => {
    const backend = testBackend(addressOf('querator'));
    await backend.partitionStore(KEY).stats();
    const holder = new pg.Client({
      connectionString: addressOf('querator'),
      application_name: 'nightly dump',
    });
    await holder.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    // It has no snapshot between its statements. It keeps dead rows because it has written.
    const writer = new pg.Client({ connectionString: addressOf('querator'), application_name: 'forgotten' });
    await writer.connect();
    await writer.query('BEGIN; SELECT txid_current()');
    const statements = block('SELECT application_name, state, count(*)');
    expect(statements).toHaveLength(5);
    const [connections, sizes, indexes, wal, holders] = await Promise.all(
      statements.map(async (text) => (await admin.query(text)).rows),
    );
    expect(connections).toContainEqual({
      application_name: 'querator',
      state: 'idle',
      count: expect.stringMatching(/^[1-9]$/),
    });
    expect(sizes).toContainEqual({ tablename: TABLE, size: expect.stringMatching(/^\d+ kB$/) });
    expect(indexes?.map(({ indexrelname }) => indexrelname)).toContain(`idx_${TABLE.slice(6)}_lse`);
    expect(wal).toEqual([{ wal: expect.stringMatching(/ MB$/) }]);
    for (const application of ['nightly dump', 'forgotten']) {
      expect(holders?.map(({ holder }) => holder)).toContainEqual(
        expect.stringMatching(new RegExp(`^session \\d+ querator ${application} idle in transaction$`)),
      );
    }
    await writer.end();
    await holder.end();
    await backend.close();
  });

  test('the pattern for the tables of a queue finds them', async () => {
    const page = await readFile(new URL('../../../docs/storage/postgres.md', import.meta.url), 'utf8');
    const [, text = ''] = /`(SELECT 'items_' .*?);`/.exec(page) ?? [];
    const { rows } = await admin.query(`SELECT '${TABLE}' LIKE (${text}) AS found`);
    expect(rows).toEqual([{ found: true }]);
  });

  test('the queries of the specification run as they are written, except one', async () => {
    const { connections, sizes, indexes, all } = OF_THE_SPECIFICATION;
    expect(Number((await admin.query(connections)).rows[0].count)).toBeGreaterThan(0);
    expect(Number((await admin.query(all)).rows[0].count)).toBeGreaterThan(0);
    expect((await admin.query(sizes)).rows).toContainEqual({
      ...{ schemaname: 'public', tablename: TABLE, size: expect.stringMatching(/ kB$/) },
    });
    // The view names them relname and indexrelname in all versions. The page has the query with those names.
    await expect(admin.query(indexes)).rejects.toMatchObject({ code: '42703' });
  });
});
