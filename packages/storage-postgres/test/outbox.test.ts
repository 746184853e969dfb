import { type NewItem, SystemRandom } from '@querator/core';
import { installSql } from '@querator/outbox';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PoolRegistry, postgresBackend, postgresOutbox } from '../src/index.ts';

const random = new SystemRandom();
const registry = new PoolRegistry();
const LIMITS = { rows: 100, bytes: 1_000_000 };
const HOUR = 3_600_000_000_000n as Parameters<ReturnType<typeof storeOf>['produce']>[1];

let database: TestDatabase;
let client: pg.Client;
let outbox: ReturnType<typeof postgresOutbox>;
let backend: ReturnType<typeof postgresBackend>;

beforeAll(async () => {
  database = await createTestDatabase();
  const { connectionString } = database;
  client = new pg.Client(connectionString);
  await client.connect();
  await client.query(installSql());
  outbox = postgresOutbox({ connectionString, schema: 'querator_outbox', registry, random });
  backend = postgresBackend({ name: 'main', connectionString, registry, random });
});
afterAll(async () => {
  await Promise.all([outbox.close(), backend.close(), client.end()]);
  await database.drop();
});
beforeEach(async () => {
  for (const table of ['outbox', 'batches', 'faults'])
    await client.query(`DELETE FROM querator_outbox.${table}`);
  await client.query('UPDATE querator_outbox.settings SET relay = NULL, relay_until = NULL');
});

const storeOf = (queue: string) => backend.partitionStore({ queue, partition: 0 });
const server = 'server';

async function enqueue(queue: string, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await client.query('SELECT querator_outbox.enqueue($1, $2)', [queue, text]);
}

/** Ends the hold of the present relay, as if it had been silent for too long. */
async function endHold(): Promise<void> {
  await client.query(`UPDATE querator_outbox.settings SET relay_until = clock_timestamp() - interval '1 ms'`);
}

async function left(): Promise<number> {
  return (await client.query('SELECT FROM querator_outbox.outbox')).rows.length;
}

test('one relay holds the outbox, until it lets go or is silent for too long', async () => {
  expect(await outbox.hold({ token: 'a', server })).toBe(true);
  expect(await outbox.hold({ token: 'b', server })).toBe(false);
  expect(await outbox.hold({ token: 'a', server })).toBe(true);
  await endHold();
  expect(await outbox.hold({ token: 'b', server })).toBe(true);
  expect(await outbox.hold({ token: 'a', server })).toBe(false);
  await outbox.release('b');
  expect(await outbox.hold({ token: 'a', server })).toBe(true);
  // The clock of the database was set back by an hour.
  await client.query(
    `UPDATE querator_outbox.settings SET relay_until = clock_timestamp() + interval '1 hour'`,
  );
  expect(await outbox.hold({ token: 'b', server })).toBe(true);
});

test('a relay begins a batch only of rows that nobody has moved or removed since it read them', async () => {
  await enqueue('q', '1', '2');
  await outbox.hold({ token: 'a', server });
  const { rows, drops } = await outbox.rows('q', LIMITS);
  const ids = rows.map(({ id }) => id);
  await endHold();
  await outbox.hold({ token: 'b', server });
  expect(await outbox.beginBatch('q', { ids, drops, token: 'a' })).toBeUndefined();

  expect(await outbox.drop('q', ids[1])).toEqual({ dropped: 1, inBatch: 0 });
  expect(await outbox.beginBatch('q', { ids, drops, token: 'b' })).toBeUndefined();
  const again = await outbox.rows('q', LIMITS);
  const batch = { ids: [ids[0] as string], drops: again.drops, token: 'b' };
  const begun = await outbox.beginBatch('q', batch);
  expect(begun).toMatchObject({ queue: 'q', ids: batch.ids, isOwn: true });
  expect(await outbox.beginBatch('q', batch)).toBeUndefined();
  expect(await outbox.queues('', 10)).toEqual([{ queue: 'q', hasBatch: true, hasFault: false, mayGo: true }]);
  expect(await outbox.drop('q', undefined)).toEqual({ dropped: 0, inBatch: 1 });
  // A relay that takes over repeats it, and does not end it unless it is stored.
  await endHold();
  await outbox.hold({ token: 'c', server });
  expect(await outbox.batch('q', 'c')).toMatchObject({
    dedupKey: begun?.dedupKey,
    isOwn: false,
    rows: [{ id: ids[0] }],
  });
  await outbox.endBatch(begun as NonNullable<typeof begun>);
  expect([await left(), await outbox.queues('', 10)]).toEqual([0, []]);
});

test('a row beyond the bytes of a read is its last one', async () => {
  await enqueue('q', 'x'.repeat(600), 'x'.repeat(600), '3');
  expect((await outbox.rows('q', { rows: 10, bytes: 1_000 })).rows).toHaveLength(2);
  expect((await outbox.rows('q', { rows: 1, bytes: 1_000 })).rows).toHaveLength(1);
});

test('rows become items in the transaction that removes them, all or none', async () => {
  await enqueue('q', '1', '2');
  await outbox.hold({ token: 'a', server });
  const { rows } = await outbox.rows('q', LIMITS);
  const items: readonly NewItem[] = rows.map(({ item }) => item);
  const ids = rows.map(({ id }) => id);
  const store = storeOf('q');
  const move = (token: string, some: readonly string[] = ids) =>
    store.produceFromOutbox?.(
      items,
      { outbox: { schema: 'querator_outbox', token }, queue: 'q', ids: some },
      HOUR,
    );

  expect(await move('b')).toBeUndefined();
  expect(await move('a', [ids[0] as string, '999999'])).toBeUndefined();
  expect(await left()).toBe(2);
  expect(await move('a')).toMatchObject({
    ok: true,
    value: { waiting: 2, scheduled: 0, oldestMs: expect.any(Number) },
  });
  expect(await left()).toBe(0);
  expect(await move('a')).toBeUndefined();
  const stored = await store.list({ state: 'queued', pivot: '', limit: 10 });
  expect(stored.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['1', '2']);
});

test('rows of a batch do not move by themselves: they may be in a queue already', async () => {
  await enqueue('q', '1');
  await outbox.hold({ token: 'a', server });
  const { rows, drops } = await outbox.rows('q', LIMITS);
  const ids = rows.map(({ id }) => id);
  await outbox.beginBatch('q', { ids, drops, token: 'a' });
  const move = { outbox: { schema: 'querator_outbox', token: 'a' }, queue: 'q', ids };
  expect(
    await storeOf('q').produceFromOutbox?.(
      rows.map(({ item }) => item),
      move,
      HOUR,
    ),
  ).toBeUndefined();
});

test('a storage knows whether it is in the database of an outbox, and may remove rows', async () => {
  const held = { schema: 'querator_outbox', token: 'a' };
  expect(await backend.hasOutbox?.(held)).toBe(false);
  await outbox.hold({ token: 'a', server });
  expect(await backend.hasOutbox?.(held)).toBe(true);
  expect(await backend.hasOutbox?.({ ...held, token: 'b' })).toBe(false);
  expect(await backend.hasOutbox?.({ ...held, schema: 'nowhere' })).toBe(false);

  const role = `${database.name}_reader`;
  await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA querator_outbox TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA querator_outbox TO ${role}`);
  const url = new URL(database.connectionString);
  [url.username, url.password] = [role, 'reader'];
  const reader = postgresBackend({ name: 'reader', connectionString: url.href, registry, random });
  try {
    expect(await reader.hasOutbox?.(held)).toBe(false);
  } finally {
    await reader.close();
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('the pauses between the tries of a queue grow, and another relay cannot mark it', async () => {
  await enqueue('q', '1');
  await outbox.hold({ token: 'a', server });
  const fault = { queue: 'q', rowId: '1', code: 'queue_paused', reason: 'paused', retryAfterMs: 0 };
  expect(await outbox.fail(fault, 'b')).toBe(0);
  for (let n = 1; n <= 8; n++) expect(await outbox.fail(fault, 'a')).toBe(n);
  const [listed] = await outbox.list('');
  expect(listed).toMatchObject({ queue: 'q', rows: 1, fault: { code: 'queue_paused', tries: 8 } });
  expect(listed?.fault?.retryInMs).toBeGreaterThan(5_000);
  expect(listed?.fault?.retryInMs).toBeLessThanOrEqual(10_000);
  expect(await outbox.queues('', 10)).toEqual([
    { queue: 'q', hasBatch: false, hasFault: true, mayGo: false },
  ]);
  expect(await outbox.retry('q')).toBe(true);
  expect(await outbox.queues('', 10)).toEqual([{ queue: 'q', hasBatch: false, hasFault: true, mayGo: true }]);
});

test('tables of another version are refused', async () => {
  await client.query('UPDATE querator_outbox.settings SET version = 2');
  const holding = outbox.hold({ token: 'a', server });
  await expect(holding).rejects.toThrow('its tables have version 2, and this server knows 1');
  await client.query('UPDATE querator_outbox.settings SET version = 1');
});
