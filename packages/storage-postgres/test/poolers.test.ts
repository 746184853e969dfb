import { SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Database } from '../src/database/database.ts';
import { DEFAULT_TIME_LIMITS, PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { type OptionsFate, SharingPooler } from './support/sharing-pooler.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'jobs', partition: 0 };
const WAIT_OPTIONS = { timeout: 10_000, interval: 10 };

describe('behind a pooler that shares sessions', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let log: { readonly level: string; readonly message: string; readonly reason: string }[];
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    log = [];
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await database.drop();
  });

  const logger = () => {
    const keep = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
      log.push({ level, message, reason: String(fields?.['reason']) });
    };
    return { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  };
  const warnings = () => log.filter(({ level }) => level === 'warn');

  async function pooler(fate: OptionsFate, tears = false): Promise<SharingPooler> {
    const started = await SharingPooler.start(database.connectionString, { fate, tears });
    cleanups.push(() => started.stop());
    return started;
  }

  function backend(connectionString: string) {
    const opened = testBackend(connectionString, { logger: logger() });
    cleanups.push(() => opened.close());
    return opened;
  }

  function databaseThrough(connectionString: string, limits = DEFAULT_TIME_LIMITS) {
    const share = new PoolRegistry().share(connectionString, { limits, maxConns: 4 });
    cleanups.push(() => share.release());
    return new Database({ name: 'db', share, limits, random: new SystemRandom() });
  }

  async function administer(text: string): Promise<readonly unknown[]> {
    const client = new pg.Client(database.connectionString);
    await client.connect();
    const { rows } = await client.query(text.replaceAll('$database', database.name));
    await client.end();
    return rows;
  }

  /** Produces, leases and completes on several connections at once. */
  async function work({ partitionStore }: ReturnType<typeof backend>, rounds = 20): Promise<string[]> {
    const store = partitionStore(KEY);
    const done: string[] = [];
    const one = async (n: number) => {
      await store.produce([{ items: [item(`${n}`)] }], HOUR);
      const leased = await store.lease({ limit: 5, leaseTimeout: HOUR });
      const [outcome] = await store.complete([{ ids: leased.map(({ id }) => id) }]);
      expect(outcome?.ok).toBe(true);
      done.push(...leased.map(({ reference }) => reference));
    };
    await Promise.all(Array.from({ length: rounds }, (_, n) => one(n)));
    return done;
  }

  const numbers = (count: number) => Array.from({ length: count }, (_, n) => `${n}`).sort();

  test.each([
    ['refused', 'unsupported startup parameter: options'],
    ['dropped', 'the settings of a session are not in force'],
    ['kept', 'prepared statement'],
  ] as const)('the driver detects the pooler and logs it once if options are %s', async (fate, reason) => {
    const storage = backend((await pooler(fate)).connectionString());
    expect((await work(storage)).sort()).toEqual(numbers(20));
    expect(warnings()).toMatchObject([
      { message: expect.stringContaining('behind a pooler of connections') },
    ]);
    expect(warnings()[0]?.reason).toContain(reason);
  });

  test('the driver logs nothing if the string names the kind of pooler', async () => {
    const between = await pooler('refused');
    expect((await work(backend(between.connectionString('pooler=transaction')))).sort()).toEqual(numbers(20));
    expect(log.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  test.each(['refused', 'dropped'] as const)(
    "the driver leaves no state in the pooler's sessions: %s",
    async (fate) => {
      const between = await pooler(fate);
      const storage = backend(between.connectionString());
      storage.signals?.subscribe('x', () => {});
      await work(storage);
      const left =
        await between.askEach(`SELECT (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
      (SELECT count(*)::int FROM pg_listening_channels()) AS channels,
      current_setting('enable_sort') AS sort, current_setting('synchronous_commit') AS synchronous,
      current_setting('statement_timeout') AS timeout`);
      const clean = { prepared: 0, channels: 0, sort: 'on', synchronous: 'on', timeout: '0' };
      expect(left).toEqual([clean, clean]);
    },
  );

  test('a statement has the settings of a session, also within a transaction', async () => {
    const query = 'pooler=transaction&search_path=a,%20b&options=-c%20geqo%3Doff';
    const db = databaseThrough((await pooler('refused')).connectionString(query));
    const names = ['statement_timeout', 'lock_timeout', 'enable_seqscan', 'jit', 'TimeZone', 'bytea_output'];
    const all = [...names, 'search_path', 'geqo', 'idle_in_transaction_session_timeout'];
    const text = `SELECT ${all.map((name) => `current_setting('${name}') AS "${name}"`).join(', ')}`;
    const expected = [
      {
        ...{ statement_timeout: '3s', lock_timeout: '2s', idle_in_transaction_session_timeout: '10s' },
        ...{ enable_seqscan: 'off', jit: 'off', TimeZone: 'UTC', bytea_output: 'hex' },
        ...{ search_path: 'a, b', geqo: 'off' },
      },
    ];
    expect(await db.read({ text })).toEqual(expected);
    expect(await db.transaction((session) => session.query({ text }))).toEqual(expected);
    const [maintained] = await db.maintenance((session) => session.query({ text }));
    expect(maintained).toMatchObject({ statement_timeout: '30s', enable_seqscan: 'on', search_path: 'a, b' });
  });

  test('time limits apply, and a statement that exceeds one has no effect', async () => {
    const limits = { ...DEFAULT_TIME_LIMITS, statementMs: 100 };
    const db = databaseThrough((await pooler('refused')).connectionString('pooler=transaction'), limits);
    await db.write({ text: 'CREATE TABLE kept (n int)' });
    const slow = { text: 'WITH slept AS (SELECT pg_sleep(30)) INSERT INTO kept SELECT 1 FROM slept' };
    await expect(db.write(slow)).rejects.toMatchObject({ sqlState: '57014', outcome: 'not-applied' });
    expect(await db.read({ text: 'SELECT n FROM kept' })).toEqual([]);
  });

  test("results are decoded correctly whatever the server's settings are", async () => {
    for (const setting of ["DateStyle = 'German'", "TimeZone = 'Asia/Kolkata'", "bytea_output = 'escape'"]) {
      await administer(`ALTER DATABASE $database SET ${setting}`);
    }
    const store = backend((await pooler('dropped')).connectionString()).partitionStore(KEY);
    const payload = Uint8Array.from({ length: 256 }, (_, n) => n);
    const before = BigInt(Date.now() - 60_000) * 1_000n;
    await store.produce([{ items: [{ ...item('a'), payload }] }], HOUR);
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    expect(leased?.payload).toEqual(payload);
    expect(leased?.leaseDeadline).toBeGreaterThan(before + 3_600_000_000n);
    expect(leased?.leaseDeadline).toBeLessThan(before + 2n * 3_600_000_000n);
    const [listed] = await store.list({ state: 'queued', pivot: '', limit: 1 });
    expect(listed).toMatchObject({ leaseDeadline: leased?.leaseDeadline, payload });
  });

  test('signals detect that LISTEN does not work, even without other calls', async () => {
    const storage = backend((await pooler('kept')).connectionString());
    storage.signals?.subscribe('x', () => {});
    await vi.waitFor(() => {
      expect(log.map(({ message }) => message)).toContainEqual(expect.stringContaining('do not arrive'));
    }, WAIT_OPTIONS);
    expect(storage.signals?.listening).toBe(false);
  });

  test('a default transaction isolation other than read committed is refused', async () => {
    await administer(`ALTER DATABASE $database SET default_transaction_isolation = 'serializable'`);
    const store = backend((await pooler('refused')).connectionString()).partitionStore(KEY);
    await expect(store.stats()).rejects.toMatchObject({
      message: expect.stringContaining("default_transaction_isolation is 'serializable'"),
      outcome: 'not-applied',
    });
  });

  test('options other than settings are refused, without being quoted', async () => {
    const store = backend((await pooler('refused')).connectionString('options=-S%20secret')).partitionStore(
      KEY,
    );
    const error = await store.stats().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringContaining('nothing but settings'),
      outcome: 'not-applied',
    });
    expect(String(error)).not.toContain('secret');
  });

  test('a pooler that splits a transaction is refused', async () => {
    const store = backend((await pooler('refused', true)).connectionString()).partitionStore(KEY);
    await expect(store.stats()).rejects.toMatchObject({
      message: expect.stringContaining('ends a transaction in the middle'),
      outcome: 'not-applied',
    });
  });

  test('pooler=session applies the settings of a session, and listens', async () => {
    const query = 'pooler=session&search_path=public&application_name=sessions';
    const storage = backend(`${database.connectionString}?${query}`);
    storage.signals?.subscribe('x', () => {});
    expect((await work(storage)).sort()).toEqual(numbers(20));
    await vi.waitFor(() => expect(storage.signals?.listening).toBe(true), WAIT_OPTIONS);
    const db = databaseThrough(`${database.connectionString}?${query}`);
    const text = `SELECT current_setting('statement_timeout') AS timeout, current_setting('enable_sort') AS sort`;
    expect(await db.read({ text })).toEqual([{ timeout: '3s', sort: 'off' }]);
    expect(warnings()).toEqual([]);
  });

  test('a wrong pooler=session is detected', async () => {
    const storage = backend((await pooler('refused')).connectionString('pooler=session'));
    expect((await work(storage)).sort()).toEqual(numbers(20));
    expect(warnings()).toHaveLength(1);
  });
});
