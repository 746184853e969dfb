import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Connection } from '../src/connection/connection.ts';
import { PoolRegistry } from '../src/index.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import type { BinaryRow } from '../src/wire/binary-row.ts';
import { HOUR, item } from './support/contents.ts';
import { connectorFor, openOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

const COUNT = { text: 'SELECT count(*)::int AS count FROM pg_prepared_statements' };
/** The most statements of a connection. */
const LIMIT = 500;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function namesOn(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.query({ text: 'SELECT name FROM pg_prepared_statements' });
  return (rows as { name: string }[]).map(({ name }) => name);
}

describe('the prepared statements of a connection', () => {
  const read = (row: BinaryRow) => row.text();

  for (const [how, options] of [
    ['read as they come', { read }],
    ['as objects', {}],
  ] as const) {
    it(`are the ones that were used last, rows ${how}`, async () => {
      const connection = await openOver(connectorFor(database.connectionString));
      const ask = (n: number) =>
        connection.query({ name: `s${n}`, text: `SELECT $1::text || '-${n}' AS t`, values: ['a'] }, options);
      for (let n = 0; n < LIMIT; n++) await ask(n);
      await ask(0);
      for (let n = LIMIT; n < LIMIT + 10; n++) await ask(n);
      const names = await namesOn(connection);
      expect(names).toHaveLength(LIMIT);
      expect(names).toContain('s0');
      expect(names).not.toContain('s1');
      const answer = await ask(1);
      expect(JSON.stringify(answer)).toContain('a-1');
      expect(await namesOn(connection)).toContain('s1');
      await connection.close();
    });
  }

  it('return correct results when many run at once and some fail', async () => {
    const connection = await openOver(connectorFor(database.connectionString));
    const ask = (n: number) =>
      connection
        .query({ name: `s${n}`, text: `SELECT (1 / ($1::int - ${n % 7}))::text`, values: [3] }, { read })
        .then(
          ([row]) => row,
          (error: { code: string }) => error.code,
        );
    const numbers = Array.from({ length: 2 * LIMIT + 50 }, (_, n) => n % (LIMIT + 200));
    const answers = await Promise.all(numbers.map(ask));
    expect(answers).toEqual(
      numbers.map((n) => (n % 7 === 3 ? '22012' : String(Math.trunc(1 / (3 - (n % 7)))))),
    );
    expect((await namesOn(connection)).length).toBeLessThanOrEqual(LIMIT);
    await connection.close();
  });
});

test('the prepared statements of created and dropped queues stay within the limit of the connection', {
  timeout: 180_000,
}, async () => {
  const registry = new PoolRegistry();
  const backend = testBackend(database.connectionString, { registry, maxConns: 1 });
  const share = registry.share(database.connectionString, { maxConns: 1, limits: DEFAULT_TIME_LIMITS });
  const held = async (): Promise<number> => {
    const connection = await share.pool.acquire(3_000);
    const [row] = (await connection.query(COUNT)) as { count: number }[];
    share.pool.release(connection, false);
    return row?.count ?? 0;
  };
  const keys = Array.from({ length: 140 }, (_, n) => ({ queue: `come-and-gone-${n}`, partition: 0 }));
  for (const [n, key] of keys.entries()) {
    const store = backend.partitionStore(key);
    await store.produce([{ items: [item('a')] }], HOUR);
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    await store.complete([{ ids: [leased?.id ?? ''] }]);
    await store.sweep({ limit: 10, claimTimeout: HOUR, maxAttempts: 0, dead: 'delete' });
    // Another set of partitions each time.
    await backend.poll(keys.slice(Math.max(0, n - 3), n + 1), { deadlines: false });
    if (n >= 5) await backend.partitionStore(keys[n - 5] ?? key).drop();
  }
  const before = await held();
  expect(before).toBeGreaterThan(100);
  expect(before).toBeLessThanOrEqual(LIMIT);
  // Polls of other sets of partitions leave no statement behind.
  for (let n = 130; n < 140; n++) await backend.poll(keys.slice(n), { deadlines: false });
  expect(await held()).toBe(before);
  await share.release();
  await backend.close();
});
