import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { itemsTableName } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { configFor } from '../support/test-server.ts';

const TABLE = itemsTableName({ queue: 'q', partition: 0 });

describe('a queue whose table lacks the column metadata', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let server: RunningServer;

  const start = () =>
    startServer(configFor(database.connectionString), {
      ...{ clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
    });
  // biome-ignore lint/suspicious/noExplicitAny: tests read replies of every shape.
  const post = async (path: string, body: object): Promise<any> => {
    const reply = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ queue_name: 'q', request_timeout: '5s', ...body }),
    });
    return reply.json();
  };
  const lease = (version: number) =>
    post(`/v${version}/queue.lease`, { client_id: `c${version}`, batch_size: 1 });

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    server = await start();
    const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    await post('/v1/queues.create', { ...settings, request_timeout: undefined });
    await post('/v1/queue.produce', { items: [{ utf8: 'before' }] });
    await server.stop();
    // As an earlier version has created it, and read by a dump.
    await client.query(`ALTER TABLE ${TABLE} DROP COLUMN metadata`);
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${TABLE} IN ACCESS SHARE MODE`);
    server = await start();
  });
  afterEach(async () => {
    await server.stop();
    await client.end();
    await database.drop();
  });

  test('serves /v1/, and names the statement to what needs the column, until it is run', async () => {
    expect(await post('/v1/queue.produce', { items: [{ utf8: 'plain' }] })).toEqual({ code: 200 });
    const { items } = await lease(1);
    expect(items).toHaveLength(1);
    const item = { utf8: 'a', metadata: { tenant: 'blue' } };
    const refused = await post('/v2/queue.produce', { items: [item] });
    const statement = `ALTER TABLE "public"."${TABLE}" ADD COLUMN metadata jsonb`;
    const expected = {
      code: 454,
      message: `metadata is not available; table ${TABLE} lacks the column metadata, run: ${statement}`,
      details: { code: 'unavailable', missing: 'metadata' },
    };
    expect(refused).toMatchObject(expected);
    expect(await lease(2)).toMatchObject(expected);
    const failed = await post('/v2/queue.retry', {
      ...{ partition: 0, request_timeout: undefined, items: [{ id: items[0].id, error: 'e' }] },
    });
    expect(failed).toMatchObject(expected);
    // What needs no column works under /v2/ too.
    expect((await post('/v2/queue.produce', { items: [{ utf8: 'b' }] })).items).toHaveLength(1);

    await client.query('COMMIT');
    await client.query(statement);
    const [produced] = (await post('/v2/queue.produce', { items: [item] })).items;
    expect(produced.id).toMatch(/^0/);
    const [plain] = (await lease(2)).items;
    expect(plain).toMatchObject({ first_id: plain.id, bytes: Buffer.from('plain').toString('base64') });
  });
});
