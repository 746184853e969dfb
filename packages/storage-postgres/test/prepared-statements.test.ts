import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection/connection.ts';
import type { BinaryRow } from '../src/wire/binary-row.ts';
import { connectorFor, openOver } from './support/open-connection.ts';

let database: TestDatabase;
let connection: Connection;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  connection = await openOver(connectorFor(database.connectionString));
});
afterEach(() => connection.close());

const text = (row: BinaryRow) => row.text();

describe('prepared statements with rows in binary format', () => {
  it('send every kind of value unchanged', async () => {
    const echo = {
      name: 'echo',
      text: `SELECT $1::text, $2::bytea, $3::int4, $4::text IS NULL, $4::text`,
    };
    const read = (row: BinaryRow) => ({
      text: row.text(),
      bytes: [...row.bytes()],
      number: row.int4(),
      isNull: row.bytes()[0] === 1,
      maybe: row.text(),
    });
    // PostgreSQL has no U+0000 in texts, and UTF-8 has no halves of surrogate pairs.
    const texts = fc.string({ unit: 'binary', maxLength: 300 }).filter((sent) => !sent.includes('\0'));
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          text: texts,
          bytes: fc.uint8Array({ maxLength: 70_000 }),
          number: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
          maybe: fc.option(texts),
        }),
        async ({ text: sent, bytes, number, maybe }) => {
          const values = [sent, Buffer.from(bytes), number, maybe];
          expect(await connection.query({ ...echo, values }, { read })).toEqual([
            { text: sent, bytes: [...bytes], number, isNull: maybe === null, maybe: maybe ?? '' },
          ]);
        },
      ),
    );
  });

  it('accept parameters of other types too', async () => {
    const statement = { name: 'kinds', text: 'SELECT $1::text[]::text, $2::boolean::text, $3::int8::text' };
    const read = (row: BinaryRow) => [row.text(), row.text(), row.text()];
    const values = [['a', null, 'b,c'], true, 2n ** 60n];
    for (let time = 0; time < 2; time++) {
      expect(await connection.query({ ...statement, values }, { read })).toEqual([
        ['{a,NULL,"b,c"}', 'true', '1152921504606846976'],
      ]);
    }
  });

  it('are prepared once', async () => {
    const statement = { name: 'once', text: 'SELECT $1::text' };
    for (const value of ['a', 'b', 'c']) {
      expect(await connection.query({ ...statement, values: [value] }, { read: text })).toEqual([value]);
    }
    const known = await connection.query({
      text: "SELECT statement FROM pg_prepared_statements WHERE name = 'once'",
    });
    expect(known).toEqual([{ statement: statement.text }]);
  });

  it('that cannot be prepared yet are prepared once they can', async () => {
    const statement = { name: 'later', text: 'SELECT name FROM made_later' };
    await expect(connection.query(statement, { read: text })).rejects.toMatchObject({ code: '42P01' });
    await connection.query({ text: "CREATE TEMP TABLE made_later AS SELECT 'here' AS name" });
    expect(await connection.query(statement, { read: text })).toEqual(['here']);
  });

  it('that fail in the middle of their rows do not affect the next statement', async () => {
    const failing = {
      name: 'failing',
      text: 'SELECT (1 / ($1::int - n))::text FROM generate_series(1, 1000) AS n',
      values: [500],
    };
    const good = { name: 'good', text: 'SELECT $1::text AS name', values: ['a'] };
    for (let time = 0; time < 2; time++) {
      await expect(connection.query(failing, { read: text })).rejects.toMatchObject({ code: '22012' });
      expect(await connection.query(good)).toEqual([{ name: 'a' }]);
      expect(await connection.query(good, { read: text })).toEqual(['a']);
    }
  });

  it('that run without await are sent one after the other', async () => {
    const sleepy = { name: 'sleepy', text: 'SELECT $1::text FROM pg_sleep($2::float8)' };
    const ask = (value: string, seconds: string) =>
      connection.query({ ...sleepy, values: [value, seconds] }, { read: text });
    const answers: unknown[] = [];
    const asked = [ask('a', '0.05'), ask('b', '0'), ask('c', '0.01'), ask('d', '0')];
    await Promise.all(asked.map((answer) => answer.then((rows) => answers.push(...rows))));
    expect(answers).toEqual(['a', 'b', 'c', 'd']);
    expect(await ask('e', '0')).toEqual(['e']);
  });
});
