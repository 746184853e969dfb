import { createClient } from '@querator/client';
import { type Logger, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { codecs, endpointsV2 } from '@querator/protocol';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePort } from '@querator/tooling-processes';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { configFor, STORAGES, useServer } from '../support/test-server.ts';

const WAIT_OPTIONS = { timeout: 20_000, interval: 50 };
const TIMESTAMP = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/);

const listAt = (url: string) => createClient({ endpoint: url }).v2.instances.list({});
const namesAt = async (url: string) => (await listAt(url)).instances.map(({ name }) => name).sort();

describe.each(STORAGES)('/v2/instances.list of a lone server on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage, { 'instance-name': 'lone' });

  test.each(['json', 'protobuf'] as const)('shows the server itself, in %s', async (format) => {
    const { path, request, response } = endpointsV2.instances.list;
    const reply = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': `application/${format}`, Accept: `application/${format}` },
      body: format === 'json' ? '{}' : Buffer.from(request.encode({})),
    });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const codec = reply.status === 200 ? response : codecs.Reply;
    const json = format === 'json' ? bytes : codec.toJson(codec.decode(bytes) as never);
    const [own] = (await createClient({ endpoint: server.url }).v2.instances.list({})).instances;
    expect(JSON.parse(Buffer.from(json).toString())).toEqual({
      instances: [
        {
          ...{ id: own?.id, name: `lone/${process.pid}`, self: true },
          ...{ started_at: TIMESTAMP, heartbeat_at: TIMESTAMP },
          version: expect.stringMatching(/^\d+\.\d+\.\d+/),
          storages: [{ name: 'store-0', driver: storage }],
          capabilities: expect.arrayContaining(['instances.list', 'queues.delete.force']),
        },
      ],
      complete: true,
      read_at: TIMESTAMP,
    });
  });
});

describe('servers on one PostgreSQL', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  const servers: RunningServer[] = [];
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await database.drop();
  });

  async function start(
    name: string,
    connectionString = database.connectionString,
    logger: Logger = silentLogger,
  ) {
    const config = configFor(connectionString, { 'instance-name': name });
    const server = await startServer(config, {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger,
    });
    servers.push(server);
    return server;
  }

  test('see each other, and no longer see one that was stopped', async () => {
    const [one, other] = [await start('one'), await start('other')];
    const both = [`one/${process.pid}`, `other/${process.pid}`];
    for (const { url } of [one, other]) {
      await vi.waitFor(async () => expect(await namesAt(url)).toEqual(both), WAIT_OPTIONS);
    }
    const selves = await Promise.all([one, other].map(async ({ url }) => (await listAt(url)).instances));
    expect(selves.map((list) => list.find(({ self }) => self)?.name)).toEqual(both);
    await other.stop();
    await vi.waitFor(async () => expect(await namesAt(one.url)).toEqual(both.slice(0, 1)), WAIT_OPTIONS);
  });

  // A killed server leaves its record behind, and sends no more heartbeats.
  test('see one that was killed until it was silent for 20 s by the clock of the database', async () => {
    const [one, other] = [await start('one'), await start('other')];
    const both = [`one/${process.pid}`, `other/${process.pid}`];
    await vi.waitFor(async () => expect(await namesAt(other.url)).toEqual(both), WAIT_OPTIONS);
    const client = new pg.Client(database.connectionString);
    await client.connect();
    await client.query('CREATE TABLE records AS SELECT * FROM querator_instances');
    await other.stop();
    await vi.waitFor(async () => expect(await namesAt(one.url)).toEqual(both.slice(0, 1)), WAIT_OPTIONS);
    await client.query('UPDATE records SET heartbeat_at = now()');
    await client.query('INSERT INTO querator_instances SELECT * FROM records ON CONFLICT DO NOTHING');
    await vi.waitFor(async () => expect(await namesAt(one.url)).toEqual(both), WAIT_OPTIONS);
    // The heartbeat of the other one is written anew within 5 s.
    await client.query(`UPDATE querator_instances SET heartbeat_at = heartbeat_at - interval '20 seconds'`);
    await vi.waitFor(async () => expect(await namesAt(one.url)).toEqual(both.slice(0, 1)), WAIT_OPTIONS);
    await client.end();
  });

  // A role that may not create the table, for example.
  test('serve queues without the table, and say so once', async () => {
    const client = new pg.Client(database.connectionString);
    await client.connect();
    await client.query('CREATE VIEW querator_instances AS SELECT 1 AS id');
    await client.end();
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (...line: unknown[]) => void warnings.push(line) };
    const { url } = await start('one', database.connectionString, logger);
    await expect(listAt(url)).rejects.toMatchObject({
      ...{ code: 'retry', reason: 'unavailable' },
      message: 'the list of servers is unavailable; the servers that run cannot be read, try again later',
    });
    const settings = { queueName: 'q', leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 };
    await createClient({ endpoint: url }).queues.create(settings);
    const err = expect.objectContaining({
      message: expect.stringContaining('querator_instances is no table'),
    });
    expect(warnings).toEqual([['the processes on the storage of the queues cannot be read', { err }]]);
  });

  test('start, answer and stop without delay while the database is down', async () => {
    const server = await start('one', `postgres://localhost:${await freePort()}/nothing`);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    await expect(listAt(server.url)).rejects.toMatchObject({ code: 'retry', reason: 'unavailable' });
    await server.stop();
  });
});
