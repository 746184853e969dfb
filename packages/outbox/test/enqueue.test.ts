import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executor } from '../src/adapters/pg.ts';
import { type Executor, enqueue, installSql, type OutboxItem } from '../src/index.ts';
import { LIBRARIES, type Library } from './support/transactions.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client(database.connectionString);
  await client.connect();
  // Twice, as a migration that runs again.
  for (const schema of ['querator_outbox', 'querator_outbox', 'Other_1'])
    await client.query(installSql({ schema }));
});
beforeEach(() => client.query('DELETE FROM querator_outbox.outbox'));
afterAll(async () => {
  await client.end();
  await database.drop();
});

const ALL: OutboxItem = {
  payload: new Uint8Array([0, 255, 39, 92]),
  encoding: 'application/octet-stream',
  kind: 'it\'s $1 ? \\ "kind"',
  reference: 'ünï 🙂',
  enqueueAt: new Date('2030-01-02T03:04:05.678Z'),
  metadata: { traceparent: '00-1', $2: '?' },
};

async function stored(schema = 'querator_outbox') {
  const { rows } = await client.query(`SELECT * FROM "${schema}".outbox ORDER BY id`);
  return rows;
}

describe.each(Object.entries(LIBRARIES))('%s', (_name, connect) => {
  let library: Library;
  beforeAll(async () => {
    library = await connect(database.connectionString);
  });
  afterAll(() => library.close());

  test('items are there after the commit, in order, with all that they have', async () => {
    const ids = await library.transaction(async (enqueueHere) => {
      const first = await enqueueHere('emails', [{ payload: 'ä 1' }, ALL]);
      expect(await stored()).toEqual([]);
      return [...first, ...(await enqueueHere('emails', [{ payload: '' }]))];
    });
    const rows = await stored();
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect(rows.map(({ queue }) => queue)).toEqual(['emails', 'emails', 'emails']);
    expect(rows.map(({ payload }) => payload.toString('hex'))).toEqual(['c3a42031', '00ff275c', '']);
    expect(rows[0]).toMatchObject({
      encoding: '',
      kind: '',
      reference: '',
      enqueue_at: null,
      metadata: null,
    });
    const { encoding, kind, reference, enqueueAt: enqueue_at, metadata } = ALL;
    expect(rows[1]).toMatchObject({ encoding, kind, reference, enqueue_at, metadata });
  });

  test('nothing is there after a rollback', async () => {
    const failing = library.transaction(async (enqueueHere) => {
      await enqueueHere('emails', [{ payload: 'lost' }]);
      throw new Error('undo');
    });
    await expect(failing).rejects.toThrow('undo');
    expect(await stored()).toEqual([]);
  });
});

test('the schema of the outbox can be another one', async () => {
  const [id] = await enqueue(executor(client), 'emails', [{ payload: '1' }], { schema: 'Other_1' });
  expect(await stored('Other_1')).toMatchObject([{ id, queue: 'emails' }]);
  expect(await stored()).toEqual([]);
});

const A_LOT = 'x'.repeat(4_999_999);
const FAULTS: readonly [string, string, unknown, string][] = [
  ['no queue', '', [{ payload: '' }], 'queue name is invalid; queue name cannot be empty'],
  [
    'a queue with a blank',
    'a b',
    [{ payload: '' }],
    "queue name is invalid; 'a b' cannot contain whitespace",
  ],
  [
    'a long queue',
    'x'.repeat(513),
    [{ payload: '' }],
    "queue name is invalid; cannot be greater than '512' characters",
  ],
  ['no items', 'q', [], 'items cannot be empty; at least one item is required'],
  [
    'too many',
    'q',
    new Array(1_001).fill({ payload: '' }),
    'items is invalid; at most 1000 go in one call but received 1001',
  ],
  ['no payload', 'q', [{}], 'payload is invalid; expected a Uint8Array or a text'],
  [
    'a large item',
    'q',
    [{ payload: A_LOT, kind: 'ä' }],
    'payload is invalid; an item has at most 5000000 bytes',
  ],
  [
    'too much',
    'q',
    [{ payload: A_LOT }, { payload: 'xx' }],
    'items is invalid; more than 5000000 bytes together',
  ],
  [
    'U+0000',
    'q',
    [{ payload: '' }, { payload: '', kind: '\0' }],
    'items[1]: kind is invalid; cannot contain the character U+0000',
  ],
  ['half a pair', 'q', [{ payload: '\ud800' }], 'payload is invalid; it is not valid Unicode'],
  ['a number', 'q', [{ payload: '', kind: 7 }], 'kind is invalid; expected a text'],
  [
    'metadata of numbers',
    'q',
    [{ payload: '', metadata: { a: 1 } }],
    "metadata is invalid; the value of 'a' must be a text",
  ],
  [
    'an empty key',
    'q',
    [{ payload: '', metadata: { '': '' } }],
    'metadata is invalid; a key cannot be empty',
  ],
  [
    'a text for a time',
    'q',
    [{ payload: '', enqueueAt: '2030' }],
    'enqueueAt is invalid; expected a Date from 1970 to 9999',
  ],
  [
    'no time',
    'q',
    [{ payload: '', enqueueAt: new Date(Number.NaN) }],
    'enqueueAt is invalid; expected a Date from 1970 to 9999',
  ],
];

test.each(FAULTS)('%s is refused before anything is sent', async (_name, queue, items, message) => {
  const sends: Executor = { query: () => Promise.reject(new Error('sent')) };
  await expect(enqueue(sends, queue, items as OutboxItem[])).rejects.toMatchObject({
    code: 'invalid',
    message,
  });
});

test('the name of a schema cannot be SQL', async () => {
  const message = "schema is invalid; 'a\"; DROP' is not 1 to 63 letters, digits and underscores";
  const schema = 'a"; DROP';
  expect(() => installSql({ schema })).toThrow(message);
  await expect(enqueue(executor(client), 'q', [{ payload: '' }], { schema })).rejects.toThrow(message);
});

describe('the function in SQL', () => {
  test('writes a row and returns its id', async () => {
    const { rows } = await client.query(
      `SELECT querator_outbox.enqueue('emails', 'hello', kind => 'greeting', metadata => '{"a":"b"}') AS id`,
    );
    expect(await stored()).toMatchObject([
      { id: rows[0].id, queue: 'emails', kind: 'greeting', encoding: '', metadata: { a: 'b' } },
    ]);
  });

  test.each([
    [`'', ''`, 'queue name is invalid; queue name cannot be empty'],
    [`'a b', ''`, "queue name is invalid; 'a b' cannot contain whitespace or '~'"],
    [`repeat('x', 513), ''`, "queue name is invalid; cannot be greater than '512' characters"],
    [`'q', NULL`, 'payload is invalid; it cannot be null'],
    [`'q', decode(repeat('00', 5000001), 'hex')`, 'payload is invalid; an item has at most 5000000 bytes'],
    [`'q', '', metadata => '[]'`, 'metadata is invalid; expected an object of texts'],
    [`'q', '', metadata => '{"a":1}'`, "metadata is invalid; the value of 'a' must be a text"],
    [`'q', '', metadata => '{"":""}'`, 'metadata is invalid; a key has 1 to 128 bytes'],
    [
      `'q', '', metadata => jsonb_build_object('a', repeat('x', 4096))`,
      "metadata is invalid; keys and values together cannot be greater than '4096' characters",
    ],
  ])('refuses %s', async (args, message) => {
    const call = client.query(`SELECT querator_outbox.enqueue(${args})`);
    await expect(call).rejects.toMatchObject({ code: '22023', message });
    expect(await stored()).toEqual([]);
  });
});
