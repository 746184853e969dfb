import { StorageError } from '@querator/core';
import { queueEndpoints, queuesEndpoints, storageEndpoints } from '@querator/protocol';
import {
  createTestDatabase,
  type FaultProxy,
  startFaultProxy,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WatchedServer } from '../postgres/support/watched-server.ts';

/** The database, and the connections to it. */
interface Site {
  readonly proxy: FaultProxy;
  /** A direct connection with all rights. */
  readonly admin: pg.Client;
  readonly database: string;
  readonly role: string;
}

/** A fault that makes the storage refuse requests. */
interface Trouble {
  readonly begin: (site: Site) => Promise<unknown>;
  /** Calls that may succeed nevertheless. */
  readonly served: readonly string[];
}

const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

const READS = [
  ...['/v1/queue.stats', '/v1/queues.list', '/v1/queues.info'],
  ...['/v1/storage/items.list', '/v1/storage/scheduled.list'],
];

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'the database is down': {
    begin: async ({ proxy }) => {
      proxy.refuse();
      proxy.cut();
    },
    served: ['/v1/queue.reload', '/v1/queue.stats'],
  },
  'it takes no writes': {
    begin: async ({ admin, database }) => {
      await admin.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
      const { rows } = await admin.query('SELECT clock_timestamp()::text AS since');
      const before = `${TERMINATE} AND backend_start <= '${rows[0].since}'`;
      // A connection that was opened meanwhile still accepts writes.
      await expect.poll(async () => (await admin.query(before)).rowCount).toBe(0);
    },
    served: [...READS, '/v1/queue.reload'],
  },
  'rights are missing': {
    begin: ({ admin, role }) => admin.query(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`),
    served: ['/v1/queue.reload', '/v1/queue.stats'],
  },
  'tables are gone, and may not be made': {
    begin: async ({ admin, role }) => {
      await admin.query(`REVOKE CREATE ON SCHEMA public FROM ${role}, PUBLIC`);
      const { rows } = await admin.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
      for (const { tablename } of rows) await admin.query(`DROP TABLE ${tablename}`);
    },
    served: ['/v1/queue.reload', '/v1/queue.stats'],
  },
};

const ID = `0${'0'.repeat(16)}${'a'.repeat(10)}`;
const q = { queue_name: 'q' };
const within = { request_timeout: '50ms' };
const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };

/** A valid request for each call. */
const REQUESTS: Readonly<Record<string, Record<string, unknown>>> = {
  '/v1/queue.produce': { ...q, ...within, items: [{ utf8: 'secret' }] },
  '/v1/queue.lease': { ...q, ...within, client_id: 'c', batch_size: 1 },
  '/v1/queue.complete': { ...q, request_timeout: '1m', ids: [ID] },
  '/v1/queue.retry': { ...q, items: [{ id: ID }] },
  '/v1/queue.stats': q,
  '/v1/queue.clear': { ...q, queue: true },
  '/v1/queue.reload': q,
  '/v1/queues.create': { queue_name: 'new', ...settings },
  '/v1/queues.list': {},
  '/v1/queues.info': q,
  '/v1/queues.update': { ...q, ...settings },
  '/v1/queues.delete': { queue_name: 'unused' },
  '/v1/storage/items.list': q,
  '/v1/storage/items.import': { ...q, items: [{ payload: 'c2VjcmV0' }] },
  '/v1/storage/items.delete': { ...q, ids: [ID] },
  '/v1/storage/scheduled.list': q,
};

describe('a request that storage refuses is answered with 454, and logged with its cause', {
  timeout: 60_000,
}, () => {
  let database: TestDatabase;
  let site: Site;
  let server: WatchedServer;
  let connectionString: string;
  const start = () =>
    WatchedServer.start(connectionString, [{ name: 'store', connectionString, maxConns: 5 }]);

  beforeEach(async () => {
    database = await createTestDatabase();
    const admin = new pg.Client(database.connectionString);
    admin.on('error', () => {});
    await admin.connect();
    const role = `${database.name}_app`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'hush'; GRANT ALL ON SCHEMA public TO ${role}`);
    const proxy = await startFaultProxy(database.connectionString);
    const url = new URL(proxy.connectionString);
    url.username = role;
    url.password = 'hush';
    connectionString = url.href;
    site = { proxy, admin, database: database.name, role };
    server = await start();
    for (const name of ['q', 'unused']) await server.createQueue(name, 1);
    expect((await server.produce('q', 'secret')).status).toBe(200);
    // Another role owns the tables, so that rights on them can be revoked.
    await admin.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER;
      GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
  });
  afterEach(async () => {
    await server.stop();
    await site.proxy.close();
    await site.admin.query('SET default_transaction_read_only = off');
    await site.admin.query(`DROP OWNED BY ${site.role}`);
    await site.admin.query(`DROP ROLE ${site.role}`);
    await site.admin.end();
    await database.drop();
  });

  test.each(Object.entries(TROUBLES))('if %s', async (_, { begin, served }) => {
    const endpoints = [queueEndpoints, queuesEndpoints, storageEndpoints].flatMap((table) =>
      Object.values(table).map(({ path }) => path as string),
    );
    expect(Object.keys(REQUESTS).sort()).toEqual(endpoints.sort());

    const causes = (from: number) =>
      server.log.slice(from).filter(({ level, err }) => level === 'warn' && err instanceof StorageError);
    await begin(site);
    for (const atWork of [true, false]) {
      if (!atWork) {
        await server.stop();
        server = await start();
      }
      for (const [path, request] of Object.entries(REQUESTS)) {
        const before = server.log.length;
        const { status, json } = await server.post(path.slice('/v1/'.length), request);
        if (status === 200 && served.includes(path)) continue;
        expect([path, status, json.code, json.code_text]).toEqual([path, 454, 454, 'Retry Request']);
        expect(json.message).toMatch(
          /^(internal error, try your request again|request timeout; .+, try again|request outcome unknown; .+|partition not available; .+)$/,
        );
        // The log gives the reason when a partition fails or a queue cannot be activated.
        if (/^(partition|request)/.test(json.message)) continue;
        const [line] = causes(before).filter((each) => each['path'] === path);
        expect(line).toMatchObject({ message: 'storage refused a request', queue: request['queue_name'] });
      }
      expect(causes(0)).not.toEqual([]);
    }
    const log = server.log.map((line) => JSON.stringify({ ...line, text: String(line['err']) })).join('\n');
    expect(log).not.toMatch(/secret|hush|"level":"error"/);
  });
});
