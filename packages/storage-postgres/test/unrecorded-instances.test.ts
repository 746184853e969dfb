import type { InstanceRecord, InstanceView } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encode } from '../src/signals/message.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const WAIT_OPTIONS = { timeout: 20_000, interval: 20 };
const RECORD: InstanceRecord = { id: 'a', name: 'host/1', version: '1', storages: [], capabilities: [] };

/** What a server of an older version sends and answers. */
class OlderServer {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async start(connectionString: string, name: string): Promise<OlderServer> {
    const client = new pg.Client({ connectionString, application_name: 'orders' });
    await client.connect();
    const say = (kind: 'hello' | 'beat') =>
      client.query(`NOTIFY querator, '${encode({ kind, from: name, marked: false })}'`);
    client.on('notification', ({ payload = '' }) => {
      if (payload[0] === 'h' && !payload.includes(name)) void say('beat').catch(() => {});
    });
    await client.query('LISTEN querator');
    await say('hello');
    await say('beat');
    return new OlderServer(client);
  }

  async session(): Promise<number> {
    const { rows } = await this.#client.query('SELECT pg_backend_pid() AS pid');
    return rows[0].pid;
  }

  stop(): Promise<void> {
    return this.#client.end();
  }
}

describe('servers that keep no record', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  const open: ReturnType<typeof testBackend>[] = [];
  const servers: OlderServer[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop().catch(() => {});
    for (const backend of open.splice(0)) await backend.close();
    await database.drop();
  });

  async function older(name: string, connectionString = database.connectionString): Promise<OlderServer> {
    const server = await OlderServer.start(connectionString, name);
    servers.push(server);
    return server;
  }

  function storeOn(options: Parameters<typeof testBackend>[1] = {}) {
    const backend = testBackend(database.connectionString, options);
    open.push(backend);
    return backend.instanceStore();
  }

  const seenBy = (store: ReturnType<typeof storeOn>, expected: InstanceView['unrecorded']) =>
    vi.waitFor(async () => expect((await store.beat(RECORD)).unrecorded).toEqual(expected), WAIT_OPTIONS);

  test('are not looked for until somebody asks', async () => {
    await older('olderone');
    expect((await storeOn().beat(RECORD)).unrecorded).toEqual([]);
  });

  test('are noticed when this one starts, and are gone after their end', async () => {
    const server = await older('olderone');
    const session = await server.session();
    const store = storeOn();
    store.watchUnrecorded?.(() => {});
    await seenBy(store, [
      {
        ...{ id: 'olderone', name: `database session ${session}` },
        text: expect.stringMatching(
          new RegExp(
            `^database session ${session} \\(orders, user \\w+,( address [\\d.:]+,)? since 20\\S+Z\\)$`,
          ),
        ),
      },
    ]);
    await server.stop();
    await seenBy(store, []);
  });

  test('are noticed when they start later', async () => {
    const store = storeOn();
    let changes = 0;
    store.watchUnrecorded?.(() => changes++);
    await seenBy(store, []);
    const before = changes;
    await older('olderone');
    await vi.waitFor(() => expect(changes).toBeGreaterThan(before), WAIT_OPTIONS);
    expect((await store.beat(RECORD)).unrecorded).toMatchObject([{ id: 'olderone' }]);
  });

  test('are noticed under another role, and without a right to see their sessions', async () => {
    const role = await createRole(database, 'other');
    const server = await older('olderone', role.connectionString);
    const session = await server.session();
    const store = storeOn();
    store.watchUnrecorded?.(() => {});
    await seenBy(store, [expect.objectContaining({ name: `database session ${session}` })]);
    await server.stop();
    await role.drop();
  });

  test('are told from servers of this version', async () => {
    const [one, other] = [storeOn(), storeOn()];
    for (const store of [one, other]) store.watchUnrecorded?.(() => {});
    for (const store of [one, other]) await seenBy(store, []);
    await older('olderone');
    for (const store of [one, other]) await seenBy(store, [expect.objectContaining({ id: 'olderone' })]);
  });

  // There is no connection to spare for LISTEN.
  test('are not noticed by a pool of one connection, which does not wait for them', async () => {
    await older('olderone');
    const store = storeOn({ maxConns: 1 });
    store.watchUnrecorded?.(() => {});
    await seenBy(store, []);
  });
});
