import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import {
  createTestDatabase,
  startFaultProxy,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'probed', partition: 0 };
const UNORDERED =
  /cannot keep items in order: the sequence querator_item_id does not give numbers in the order/;

let database: TestDatabase;
let admin: pg.Client;
/** What a test has opened, the last first. */
let closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  admin = new pg.Client(database.connectionString);
  await admin.connect();
  await provision(database.connectionString);
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
  await admin.end();
  await database.drop();
});

type Backend = ReturnType<typeof testBackend>;

function open(connectionString: string, options: Parameters<typeof testBackend>[1] = {}): Backend {
  const backend = testBackend(connectionString, options);
  closing.push(() => backend.close());
  return backend;
}

const produce = (backend: Backend) => backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
const waiting = async (backend: Backend) => (await backend.partitionStore(KEY).stats()).waiting;

/** Runs one statement. */
async function change(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client(connectionString);
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** Creates the tables, as an earlier start of a server did. */
async function provision(connectionString: string): Promise<void> {
  const backend = testBackend(connectionString);
  await backend.partitionStore(KEY).stats();
  await backend.close();
}

/** Refuses the write and the ping, with the reason, and stores nothing. */
async function expectRefused(backend: Backend, reason: RegExp): Promise<void> {
  for (let n = 0; n < 2; n++) {
    await expect(produce(backend)).rejects.toMatchObject({
      ...{ name: 'StorageError', outcome: 'not-applied', message: expect.stringMatching(reason) },
    });
  }
  await expect(backend.ping()).rejects.toThrow(reason);
}

/** A proxy that changes statements on their way to the server. */
async function startChangingProxy(change: (text: string) => string): Promise<string> {
  const url = new URL(database.connectionString);
  const target = { port: Number(url.port || 5432), host: url.hostname };
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(target);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (data) => far.write(Buffer.from(change(data.toString('latin1')), 'latin1')));
    far.on('data', (data) => near.write(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return url.href;
}

describe('a server that has what the order of items depends on', { timeout: 60_000 }, () => {
  test('is used', async () => {
    const backend = open(database.connectionString);
    await produce(backend);
    expect(await backend.ping()).toEqual([]);
    expect(await waiting(backend)).toBe(1);
  });
});

describe('a server that lacks it is refused with the reason', { timeout: 60_000 }, () => {
  test('if sessions take numbers of the sequence in advance, until that is repaired', async () => {
    await admin.query('ALTER SEQUENCE querator_item_id CACHE 100');
    const backend = open(database.connectionString);
    await expectRefused(backend, UNORDERED);
    await admin.query('ALTER SEQUENCE querator_item_id CACHE 1');
    expect(await backend.ping()).toEqual([]);
    await produce(backend);
    expect(await waiting(backend)).toBe(1);
  });

  test('if a pool of one connection finds that in the catalogue', async () => {
    await admin.query('ALTER SEQUENCE querator_item_id CACHE 100');
    await expectRefused(open(database.connectionString, { maxConns: 1 }), UNORDERED);
    await admin.query('ALTER SEQUENCE querator_item_id CACHE 1');
    await produce(open(database.connectionString, { maxConns: 1 }));
  });

  test('if pg_locks shows only the own locks, or nothing', async () => {
    const { rows } = await admin.query(`SELECT pg_get_viewdef('pg_catalog.pg_locks') AS text`);
    const whole = String(rows[0].text).replace(/;\s*$/, '');
    await admin.query('SET allow_system_table_mods = on');
    const view = (text: string) => admin.query(`CREATE OR REPLACE VIEW pg_catalog.pg_locks AS ${text}`);
    const lack = /cannot keep items in order: pg_locks does not show the locks of other sessions/;
    await view(`SELECT * FROM (${whole}) AS shown WHERE pid = pg_backend_pid()`);
    await expectRefused(open(database.connectionString), lack);
    await view(whole);
    await produce(open(database.connectionString));
    await admin.query('REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC');
    await admin.query(`CREATE ROLE ${database.name}_user LOGIN PASSWORD 'p'`);
    await admin.query(`GRANT USAGE ON SCHEMA public TO ${database.name}_user`);
    await admin.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${database.name}_user`);
    await admin.query(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${database.name}_user`);
    const restricted = new URL(database.connectionString);
    restricted.username = `${database.name}_user`;
    restricted.password = 'p';
    const backend = open(restricted.href);
    await expect(produce(backend)).rejects.toThrow(lack);
    await backend.close();
    await admin.query(`DROP OWNED BY ${database.name}_user; DROP ROLE ${database.name}_user`);
  });

  test('if it waits for locked rows instead of skipping them', async () => {
    const proxy = await startChangingProxy((text) => text.replaceAll('SKIP LOCKED', '           '));
    await expectRefused(open(proxy), /SKIP LOCKED does not skip the rows that other sessions have locked/);
  });

  test('if it does not know SKIP LOCKED', async () => {
    const proxy = await startChangingProxy((text) =>
      text.replaceAll('SKIP LOCKED', 'SKIP BLOCKED'.slice(0, 11)),
    );
    await expectRefused(open(proxy), /SKIP LOCKED does not skip/);
  });

  test('if a failover leads to it', async () => {
    const cluster = await startTemporaryCluster({ volatile: true });
    closing.push(() => cluster.stop());
    const { username, password, pathname } = new URL(database.connectionString);
    const standby = new URL(cluster.connectionString());
    await change(standby.href, `CREATE DATABASE ${pathname.slice(1)}`);
    await change(standby.href, `ALTER ROLE ${username} PASSWORD '${decodeURIComponent(password)}'`);
    Object.assign(standby, { username, password, pathname });
    await provision(standby.href);
    await change(standby.href, 'ALTER SEQUENCE querator_item_id CACHE 100');
    const proxy = await startFaultProxy(database.connectionString);
    closing.push(() => proxy.close());
    const backend = open(proxy.connectionString);
    await produce(backend);
    proxy.leadTo(standby.href);
    proxy.cut();
    await vi.waitFor(() => expect(produce(backend)).rejects.toThrow(UNORDERED), { timeout: 30_000 });
    await expect(backend.ping()).rejects.toThrow(UNORDERED);
  });
});

test('a server without LISTEN is polled, with a warning', { timeout: 60_000 }, async () => {
  const proxy = await startChangingProxy((text) => text.replaceAll('LISTEN querator', 'LISTEM querator'));
  const warnings: string[] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (message: string) => void warnings.push(message),
  };
  const backend = open(proxy, { logger });
  backend.signals?.subscribe('topic', () => {});
  await vi.waitFor(
    () => expect(warnings).toContain('the server does not support LISTEN; polling for changes instead'),
    { timeout: 30_000 },
  );
  expect(backend.signals?.listening).toBe(false);
  await produce(backend);
  expect(await backend.poll([KEY], { deadlines: false })).toEqual([{ waiting: true, nextDueMs: undefined }]);
});
