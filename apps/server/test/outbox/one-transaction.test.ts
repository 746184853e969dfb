import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../../src/index.ts';
import { Application, Caller } from './support/outbox-fixture.ts';

let application: Application;
let server: RunningServer;
let caller: Caller;
beforeAll(async () => {
  application = await Application.create();
  server = await application.start({});
  caller = new Caller(server);
});
afterAll(async () => {
  await server?.stop();
  await application.drop();
});

/** Tables of dedup keys: rows that go in one transaction need none. */
const keyTables = async () =>
  (await application.client.query(`SELECT FROM pg_tables WHERE tablename LIKE 'keys\\_%'`)).rows.length;

test('rows in the database of their queue move without a dedup key, with all that they have', async () => {
  await caller.create('orders', 3);
  await application.client.query(
    `SELECT querator_outbox.enqueue('orders', '1', 'text/plain', 'greeting', 'ann', metadata => '{"a":"b"}')`,
  );
  const request = { queueName: 'orders', clientId: 'c', batchSize: 1, requestTimeout: '10s' };
  const { items } = await caller.client.v2.queue.lease(request);
  expect(items).toMatchObject([
    { encoding: 'text/plain', kind: 'greeting', reference: 'ann', metadata: new Map([['a', 'b']]) },
  ]);
  await expect.poll(() => application.rows()).toBe(0);
  expect(await keyTables()).toBe(0);
});

test('a scheduled row becomes a scheduled item, beside one that is due', async () => {
  await caller.create('later');
  await application.client.query(
    `SELECT querator_outbox.enqueue('later', 'later', enqueue_at => now() + interval '1 hour'),
      querator_outbox.enqueue('later', 'now')`,
  );
  expect(await caller.texts('later', 1)).toEqual(['now']);
  const { items } = await caller.client.storage.scheduledList({
    queueName: 'later',
    partition: 0,
    limit: 10,
  });
  expect(items).toHaveLength(1);
});

test('rows move in one transaction: an error of it leaves them where they were', async () => {
  await caller.create('refused');
  await application.enqueue('refused', '0');
  expect(await caller.texts('refused', 1)).toEqual(['0']);
  const { rows } = await application.client.query(
    `SELECT relname FROM pg_class WHERE relname LIKE 'items\\_' || left(md5('refused'), 12) || '\\_%' AND relkind = 'r'`,
  );
  const table = rows[0].relname;
  await application.client.query(
    `ALTER TABLE ${table} ADD CONSTRAINT no_more CHECK (payload <> '2') NOT VALID`,
  );
  await application.enqueue('refused', '1', '2', '3');
  await expect.poll(() => application.faults(), { timeout: 5_000 }).toMatchObject([{ queue: 'refused' }]);
  expect(await application.rows()).toBe(3);
  await application.client.query(`ALTER TABLE ${table} DROP CONSTRAINT no_more`);
  expect(await caller.texts('refused', 3)).toEqual(['1', '2', '3']);
  await expect.poll(() => application.faults()).toEqual([]);
});
