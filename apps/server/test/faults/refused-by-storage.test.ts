import { StorageError } from '@querator/core';
import {
  createTestDatabase,
  type FaultProxy,
  startFaultProxy,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_KEY } from '../access/support/access-server.ts';
import { WatchedServer } from '../postgres/support/watched-server.ts';
import { ALL_ENDPOINTS } from '../support/all-endpoints.ts';
import { EVERY_REQUEST, OWN_REQUESTS } from './support/every-request.ts';

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
  ...['/v1/namespaces.list', '/v1/users.list', '/v1/apikeys.list', '/v1/roles.list', '/v1/rolebindings.list'],
];

/** Reads under `/v2/` may answer from memory, or that there is nothing while a table does not exist. */
const READS_V2 = ALL_ENDPOINTS.filter(
  ({ path, audited, traffic }) => path.startsWith('/v2/') && audited === false && traffic === 'other',
).map(({ path }) => path);

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'the database is down': {
    begin: async ({ proxy }) => {
      proxy.refuse();
      proxy.cut();
    },
    served: [...READS_V2, '/v1/queue.reload', '/v1/queue.stats'],
  },
  'it takes no writes': {
    begin: async ({ admin, database }) => {
      await admin.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
      const { rows } = await admin.query('SELECT clock_timestamp()::text AS since');
      const before = `${TERMINATE} AND backend_start <= '${rows[0].since}'`;
      // A connection that was opened meanwhile still accepts writes.
      await expect.poll(async () => (await admin.query(before)).rowCount).toBe(0);
    },
    // A task that does not exist is not cancelled.
    served: [...READS_V2, ...READS, '/v1/queue.reload', '/v2/tasks.cancel'],
  },
  'rights are missing': {
    begin: ({ admin, role }) => admin.query(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`),
    served: [...READS_V2, '/v1/queue.reload', '/v1/queue.stats'],
  },
  'tables are gone, and may not be made': {
    begin: async ({ admin, role }) => {
      await admin.query(`REVOKE CREATE ON SCHEMA public FROM ${role}, PUBLIC`);
      const { rows } = await admin.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
      for (const { tablename } of rows) await admin.query(`DROP TABLE ${tablename}`);
    },
    served: [...READS_V2, '/v1/queue.reload', '/v1/queue.stats'],
  },
};

/** What brings the calls on audit events and quotas into use. */
const SETTINGS = { audit: { log: false, table: true }, quotas: { default: { queues: 100 } } };
const ENFORCED = { ...SETTINGS, 'auth-backend': { driver: 'internal', 'admin-key': ADMIN_KEY } };

/** The texts of refusals whose reason the log gives when the storage begins to fail, and not for each request. */
const REASON_LOGGED_BEFORE =
  /^(partition not available; .+|request (timeout|outcome unknown); .+|.+ is unavailable; the servers that run cannot be read, try again later)$/;

describe('a request that storage refuses is answered with 454, and logged with its cause', {
  timeout: 60_000,
}, () => {
  let database: TestDatabase;
  let site: Site;
  let server: WatchedServer;
  let connectionString: string;
  const start = (settings: object) =>
    WatchedServer.start(connectionString, [{ name: 'store', connectionString, maxConns: 5 }], settings);

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
    server = await start(SETTINGS);
    for (const name of ['q', 'unused']) await server.createQueue(name, 1);
    // The tables of all calls exist.
    const first = { request_timeout: '10s' };
    for (const [path, changed] of Object.entries({
      '/v1/queue.produce': first,
      '/v2/queue.produce': first,
      '/v1/namespaces.create': {},
      '/v2/quotas.set': {},
      '/v2/tasks.create': {},
    })) {
      expect((await server.postTo(path, { ...EVERY_REQUEST[path], ...changed })).json).not.toHaveProperty(
        'code',
        454,
      );
    }
    for (const path of Object.keys(EVERY_REQUEST).filter((each) => /^\/v2\/.*\.create$/.test(each))) {
      await server.postTo(path, EVERY_REQUEST[path] as object);
    }
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
    expect(Object.keys(EVERY_REQUEST).sort()).toEqual(ALL_ENDPOINTS.map(({ path }) => path).sort());

    const causes = (from: number) =>
      server.log.slice(from).filter(({ level, err }) => level === 'warn' && err instanceof StorageError);
    await begin(site);
    for (const settings of [undefined, SETTINGS, ENFORCED]) {
      if (settings !== undefined) {
        await server.stop();
        server = await start(settings);
      }
      const isEnforced = settings === ENFORCED;
      const apiKey = isEnforced ? ADMIN_KEY : undefined;
      const before = server.log.length;
      const check = async ([path, request]: [string, Record<string, unknown>]) => {
        const { status, json } = await server.postTo(path, request, apiKey);
        if (status === 200 && served.includes(path)) return;
        if (status === 200 && path === '/v2/queue.produce') {
          const code = expect.stringMatching(/^(unavailable|outcome_unknown)$/);
          expect(json.items).toMatchObject([{ code }]);
          return;
        }
        // A seed may name what does not exist.
        if (status === 400 && !OWN_REQUESTS.includes(path)) return;
        expect([path, status, json.code, json.code_text]).toEqual([path, 454, 454, 'Retry Request']);
        if (REASON_LOGGED_BEFORE.test(json.message)) return;
        expect(json.message).toBe('internal error, try your request again');
        const [line] = causes(before).filter((each) => each['path'] === path);
        expect(line, path).toMatchObject({ message: 'storage refused a request' });
        // A request whose caller cannot be judged is not read.
        if (!isEnforced) expect(line).toMatchObject({ queue: request['queue_name'] });
      };
      await Promise.all(Object.entries(EVERY_REQUEST).map(check));
      expect(causes(0)).not.toEqual([]);
    }
    const log = server.log.map((line) => JSON.stringify({ ...line, text: String(line['err']) })).join('\n');
    expect(log).not.toMatch(/secret|hush|"level":"error"/);
  });
});
