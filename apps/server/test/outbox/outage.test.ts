import {
  type Cluster,
  createTestDatabase,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../../src/index.ts';
import { Application, Caller } from './support/outbox-fixture.ts';

let cluster: Cluster;
let application: Application;
let storage: TestDatabase;
let server: RunningServer;
let caller: Caller;
const logged: string[] = [];

beforeAll(async () => {
  cluster = await startTemporaryCluster();
  [application, storage] = await Promise.all([
    Application.create(cluster.connectionString()),
    createTestDatabase(),
  ]);
  application.client.on('error', () => {});
  const log = (message: string) => void logged.push(message);
  const logger = { debug: () => {}, info: log, warn: log, error: log };
  server = await application.start({ storage: storage.connectionString, logger });
  caller = new Caller(server);
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await cluster?.stop();
  await storage?.drop();
});

test('a relay goes on once the database of the application is back', { timeout: 60_000 }, async () => {
  await caller.create('orders');
  await application.enqueue('orders', '1');
  expect(await caller.texts('orders', 1)).toEqual(['1']);
  const client = await Application.connect(application);
  client.on('error', () => {});
  await client.query(
    `SELECT querator_outbox.enqueue('orders', n::text::bytea) FROM generate_series(2, 500) AS n`,
  );
  await cluster.crash();
  await expect.poll(() => logged, { timeout: 20_000 }).toContain('outbox cannot be read; it is tried again');
  await cluster.start();

  const later = await Application.connect(application);
  await later.query(`SELECT querator_outbox.enqueue('orders', '501')`);
  const expected = Array.from({ length: 500 }, (_, n) => String(n + 2));
  expect(await caller.texts('orders', 500)).toEqual(expected);
  const left = async () => (await later.query('SELECT FROM querator_outbox.outbox')).rows.length;
  await expect.poll(left).toBe(0);
  expect(await caller.held('orders')).toBe(501);
  await expect.poll(() => logged, { timeout: 20_000 }).toContain('outbox can be read again');
  await later.end();
});
