import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_TIME_LIMITS, PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { askOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

const SETTINGS = `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
  current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('TimeZone') AS zone,
  current_setting('DateStyle') AS dates, current_setting('application_name') AS name,
  current_setting('search_path') AS path, current_setting('geqo') AS geqo,
  current_setting('work_mem') AS memory`;

describe('session settings in a connection string', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const settings = (query: string) =>
    askOver<Record<string, string>>(`${database.connectionString}?${query}`, SETTINGS);

  test('include the time limits of every connection', async () => {
    expect(await settings('')).toMatchObject({ statement: '3s', lock: '2s', idle: '10s', name: 'querator' });
  });

  test('are accepted in options or by themselves', async () => {
    const query = 'options=-c%20search_path%3Da%2Cb%20-c%20geqo%3Doff&application_name=a%40b%20%26c';
    expect(await settings(query)).toMatchObject({ path: 'a,b', geqo: 'off', name: 'a@b &c' });
    expect(await settings('search_path=a,%20b&statement_timeout=7s')).toMatchObject({
      path: 'a, b',
      statement: '7s',
      lock: '2s',
    });
  });

  test('do not change those that determine the format of results', async () => {
    const query = 'TimeZone=Asia/Kolkata&DateStyle=German&options=-cTimeZone%3DAsia/Kolkata';
    expect(await settings(query)).toMatchObject({ zone: 'UTC', dates: expect.stringMatching(/^ISO/) });
  });

  test('decide on the memory of a statement, and those of the database do not', async () => {
    const admin = new pg.Client(database.connectionString);
    await admin.connect();
    await admin.query(`ALTER DATABASE ${database.name} SET work_mem = '1GB'`);
    await admin.end();
    expect(await settings('')).toMatchObject({ memory: '4MB' });
    expect(await settings('work_mem=8MB')).toMatchObject({ memory: '8MB' });
  });

  test('that the server does not know are refused by name', async () => {
    await expect(settings('options=-cno_such_thing%3D1')).rejects.toThrow(
      'unrecognized configuration parameter "no_such_thing"',
    );
  });

  test.each(['p@:/?#%&=+[]', 'äöü€ 😀', 'it\'s "quoted" \\', '%41', ' '])(
    'do not prevent the password %j, percent-encoded',
    async (password) => {
      const admin = new pg.Client({ connectionString: database.connectionString });
      await admin.connect();
      const role = `${database.name}_role`;
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD ${admin.escapeLiteral(password)}`);
      try {
        const url = new URL(database.connectionString);
        const place = `${url.host}/${database.name}`;
        const encoded = encodeURIComponent(password);
        const query = 'SELECT current_user::text AS me';
        expect(await askOver(`postgres://${role}:${encoded}@${place}`, query)).toEqual({ me: role });
        const asOption = `postgres://${place}?user=${role}&password=${encoded}`;
        expect(await askOver(asOption, query)).toEqual({ me: role });
      } finally {
        await admin.query(`DROP ROLE ${role}`);
        await admin.end();
      }
    },
  );
});

describe('pool settings in a connection string', { timeout: 30_000 }, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const KEY = { queue: 'pool-settings', partition: 0 };

  test('close connections that are old or idle for too long, except the minimum', async () => {
    for (const [query, left] of [
      ['pool_max_conn_lifetime=100ms', 0],
      ['pool_max_conn_idle_time=100ms', 0],
      ['pool_max_conn_idle_time=100ms&pool_min_conns=2', 2],
    ] as const) {
      const registry = new PoolRegistry();
      const backend = testBackend(`${database.connectionString}?${query}`, { registry, maxConns: 4 });
      const store = backend.partitionStore(KEY);
      await store.stats();
      await Promise.all(Array.from({ length: 30 }, () => store.produce([{ items: [item('a')] }], HOUR)));
      await expect.poll(() => registry.states()[0]?.open, { timeout: 5_000 }).toBe(left);
      await store.stats();
      await backend.close();
    }
  });

  test('test idle connections before use', async () => {
    const registry = new PoolRegistry();
    const url = `${database.connectionString}?pool_health_check_period=1ms&application_name=tried`;
    const { pool, release } = registry.share(url, { limits: DEFAULT_TIME_LIMITS });
    const lastQuery = async () => {
      pool.release(await pool.acquire(3_000), false);
      const sql = `SELECT query FROM pg_stat_activity WHERE application_name = 'tried'`;
      return askOver(database.connectionString, sql);
    };
    await expect.poll(lastQuery).toEqual({ query: 'SELECT 1' });
    await release();
  });
});
