import { instantFromMilliseconds, milliseconds, UNSET_INSTANT } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection/connection.ts';
import { itemsTableName } from '../src/index.ts';
import type { BinaryRow } from '../src/wire/binary-row.ts';
import { HOUR, item } from './support/contents.ts';
import { connectorFor, openOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const text = (row: BinaryRow) => row.text();

describe('rows in binary format', () => {
  let connection: Connection;
  beforeEach(async () => {
    connection = await openOver(connectorFor(database.connectionString));
  });
  afterEach(() => connection.close());

  it('have fields of every type, null included', async () => {
    const sql = `SELECT 'käse 🧀', 42, -7, '\\x00ff'::bytea, '2026-01-01 12:00:00.25+00'::timestamptz, '-infinity'::timestamptz,
      NULL::text, NULL::bytea, NULL::timestamptz, ''`;
    const read = (row: BinaryRow) => {
      const some = [row.text(), row.int4(), row.int4(), row.bytes(), row.instant(), row.instant()];
      const none = [row.text(), row.bytes(), row.instant()];
      return [...some, ...none, row.text()];
    };
    const noon = instantFromMilliseconds(Date.UTC(2026, 0, 1, 12, 0, 0, 250));
    expect(await connection.query({ text: sql }, { read })).toEqual([
      [
        'käse 🧀',
        42,
        -7,
        Uint8Array.of(0, 255),
        noon,
        UNSET_INSTANT,
        '',
        new Uint8Array(),
        UNSET_INSTANT,
        '',
      ],
    ]);
  });

  it('may be larger than one received piece, and many', async () => {
    const sql = `SELECT repeat(chr(96 + n), n * 700000) FROM generate_series(1, 5) AS n
      UNION ALL SELECT n::text FROM generate_series(1, 20000) AS n`;
    const rows = (await connection.query({ text: sql }, { read: text })) as string[];
    expect(rows).toHaveLength(20_005);
    const sizes = rows.slice(0, 5).map((row) => [row[0], row.at(-1), row.length]);
    expect(sizes).toEqual([1, 2, 3, 4, 5].map((n) => [...Array(2).fill('.abcde'[n]), n * 700_000]));
    expect(rows.slice(5)).toEqual(Array.from({ length: 20_000 }, (_, n) => String(n + 1)));
  });

  it('work after other statements too', async () => {
    const before = ["SET LOCAL application_name = 'be'", "SET LOCAL application_name = 'behind'"];
    const sql = "SELECT current_setting('application_name')";
    expect(await connection.query({ text: sql }, { before, read: text })).toEqual(['behind']);
  });

  it('of a statement that fails in the middle are discarded, and the next statement gets its own rows', async () => {
    const failing = { text: 'SELECT (1 / (500 - n))::text FROM generate_series(1, 1000) AS n' };
    await expect(connection.query(failing, { read: text })).rejects.toMatchObject({ code: '22012' });
    expect(await connection.query({ text: "SELECT 'a' AS name" })).toEqual([{ name: 'a' }]);
    expect(await connection.query({ text: "SELECT 'b'" }, { read: text })).toEqual(['b']);
  });

  it('that cannot be decoded fail their statement, and the connection stays usable', async () => {
    const read = () => {
      throw new Error('not what was expected');
    };
    const many = { text: 'SELECT n FROM generate_series(1, 1000) AS n' };
    await expect(connection.query(many, { read })).rejects.toMatchObject({
      message: 'a row could not be read',
      cause: new Error('not what was expected'),
    });
    expect(await connection.query({ text: "SELECT 'a' AS name" })).toEqual([{ name: 'a' }]);
  });
});

it('an item whose payload an operator has set to null is leased without content', async () => {
  const backend = testBackend(database.connectionString);
  const key = { queue: 'null-payload', partition: 0 };
  const store = backend.partitionStore(key);
  await store.produce([{ items: [item('a'), item('b')] }], HOUR);
  const client = new pg.Client(database.connectionString);
  await client.connect();
  await client.query(`UPDATE ${itemsTableName(key)} SET payload = NULL WHERE payload = $1`, [
    Buffer.from('a'),
  ]);
  await client.end();
  const leased = await store.lease({ limit: 10, leaseTimeout: milliseconds(60_000) });
  expect(leased.map(({ payload }) => Buffer.from(payload).toString()).toSorted()).toEqual(['', 'b']);
  await backend.close();
});
