import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WatchedServer } from './support/watched-server.ts';

let database: TestDatabase;
let dump: pg.Client;
let server: WatchedServer;

beforeEach(async () => {
  database = await createTestDatabase();
  const { connectionString } = database;
  dump = new pg.Client({ connectionString, application_name: 'nightly dump' });
  await dump.connect();
  server = await WatchedServer.start(connectionString, [{ name: 'store', connectionString, maxConns: 5 }]);
});
afterEach(async () => {
  await server.stop();
  await dump.end();
  await database.drop();
});

const lease = (client_id: string) =>
  server.post('queue.lease', { queue_name: 'q', client_id, batch_size: 1, request_timeout: '1m' });

test('a queue that a dump reads serves while its deletion waits, and is deleted once the dump ends', async () => {
  await server.createQueue('q', 3);
  for (const n of [1, 2, 3, 4, 5, 6]) expect((await server.produce('q', `${n}`)).status).toBe(200);
  const { rows } = await dump.query(`SELECT tablename FROM pg_tables WHERE tablename LIKE 'items\\_%'`);
  await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  for (const { tablename } of rows) await dump.query(`SELECT count(*) FROM ${tablename}`);

  let deleted = false;
  const deletion = server.post('queues.delete', { queue_name: 'q' }).then((reply) => {
    deleted = true;
    return reply;
  });
  const asksForLock = async () =>
    (await dump.query(`SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted`)).rowCount;
  await expect.poll(asksForLock, { timeout: 20_000, interval: 5 }).toBe(1);
  for (let n = 0; n < 30; n++) {
    expect((await server.produce('q', `during ${n}`, '20s')).status).toBe(200);
    const { status, json } = await lease(`c${n}`);
    expect(status).toBe(200);
    const ids = json.items.map(({ id }: { id: string }) => id);
    const complete = { queue_name: 'q', request_timeout: '20s', partition: json.partition ?? 0, ids };
    expect((await server.post('queue.complete', complete)).status).toBe(200);
  }
  expect(deleted).toBe(false);
  await dump.query('COMMIT');
  expect((await deletion).status).toBe(200);
  expect((await server.post('queues.info', { queue_name: 'q' })).status).toBe(400);
}, 60_000);
