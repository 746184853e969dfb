import {
  createTestDatabase,
  type FaultProxy,
  startFaultProxy,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { producersOf } from '../postgres/support/producers.ts';
import { WatchedServer } from '../postgres/support/watched-server.ts';

/** A fault of one of two storages. */
interface Outage {
  readonly begin: (site: Site) => Promise<void> | void;
  readonly end: (site: Site) => Promise<void> | void;
  /** Whether statements without a reply may have taken effect. */
  readonly unknown: boolean;
}

/** The database with the fault, and the connections to it. */
interface Site {
  readonly proxy: FaultProxy;
  /** A direct connection with all rights. */
  readonly admin: pg.Client;
  readonly database: string;
  readonly role: string;
  readonly adminConnectionString: string;
  /** The tables of items. */
  readonly tables: () => Promise<readonly string[]>;
}

/**
 * A session that takes two locks in the opposite order again and again. It never
 * gives way, so PostgreSQL ends the other session that needs both locks.
 */
class Quarreller {
  readonly #client: pg.Client;
  #going: Promise<void> | undefined;
  #stopped = false;

  constructor(connectionString: string) {
    this.#client = new pg.Client(connectionString);
    // If the test fails before, the end of the database ends the session.
    this.#client.on('error', () => {});
  }

  async start(): Promise<void> {
    await this.#client.connect();
    await this.#client.query(`SET deadlock_timeout = '1h'; SELECT pg_advisory_lock(2)`);
    this.#going = this.#goOn();
    this.#going.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#going;
    await this.#client.end();
  }

  async #goOn(): Promise<void> {
    while (!this.#stopped)
      await this.#client.query('SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1)');
  }
}
const quarrellers = new WeakMap<Site, Quarreller>();

const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
const each = async (site: Site, statement: (table: string) => string) => {
  for (const table of await site.tables()) await site.admin.query(statement(table));
};

/** How many deadlocks the database has counted. It counts with some delay. */
const deadlocks = (site: Site) =>
  vi.waitFor(
    async () => {
      const { rows } = await site.admin.query(
        'SELECT deadlocks::int AS count FROM pg_stat_database WHERE datname = current_database()',
      );
      expect(rows[0].count).toBeGreaterThan(0);
      return rows[0].count as number;
    },
    { timeout: 10_000, interval: 50 },
  );

const OUTAGES: Readonly<Record<string, Outage>> = {
  'connections are reset in the middle of statements': {
    begin: async ({ proxy }) => {
      proxy.cut();
      proxy.refuse();
    },
    end: ({ proxy }) => proxy.restore(),
    unknown: true,
  },
  'connections are reset after a commit, before its answer': {
    begin: ({ proxy }) => proxy.cutAtAnswers(),
    end: ({ proxy }) => proxy.restore(),
    unknown: true,
  },
  'packets vanish': {
    begin: ({ proxy }) => proxy.blackHole(),
    end: ({ proxy }) => proxy.restore(),
    unknown: true,
  },
  'answers vanish': {
    begin: ({ proxy }) => proxy.swallowAnswers(),
    end: ({ proxy }) => proxy.restore(),
    unknown: true,
  },
  'the server ends all sessions and takes no new ones (57P01)': {
    begin: async ({ admin, role }) => {
      await admin.query(`ALTER ROLE ${role} NOLOGIN`);
      await admin.query(TERMINATE);
    },
    end: async ({ admin, role }) => void (await admin.query(`ALTER ROLE ${role} LOGIN`)),
    unknown: true,
  },
  'the server has no connection left (53300)': {
    begin: async ({ admin, role }) => {
      await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
      await admin.query(TERMINATE);
    },
    end: async ({ admin, role }) => void (await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`)),
    unknown: true,
  },
  'statements take too long (57014)': {
    begin: async (site) => {
      await site.admin.query(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'`);
      await each(
        site,
        (t) => `CREATE TRIGGER dawdle BEFORE INSERT ON ${t} FOR EACH ROW EXECUTE FUNCTION dawdle()`,
      );
    },
    end: async (site) => {
      await each(site, (t) => `DROP TRIGGER dawdle ON ${t}`);
    },
    unknown: false,
  },
  'tables are locked (55P03)': {
    begin: async (site) => {
      await site.admin.query('BEGIN');
      await each(site, (t) => `LOCK TABLE ${t} IN ACCESS EXCLUSIVE MODE`);
    },
    end: async ({ admin }) => void (await admin.query('COMMIT')),
    unknown: false,
  },
  'statements meet deadlocks, however often they are repeated (40P01)': {
    begin: async (site) => {
      const quarreller = new Quarreller(site.adminConnectionString);
      quarrellers.set(site, quarreller);
      await quarreller.start();
      await site.admin.query(`CREATE FUNCTION quarrel() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(1); PERFORM pg_advisory_xact_lock(2); RETURN NULL; END'`);
      await each(site, (t) => `CREATE TRIGGER quarrel BEFORE INSERT ON ${t} EXECUTE FUNCTION quarrel()`);
    },
    end: async (site) => {
      expect(await deadlocks(site)).toBeGreaterThan(0);
      await quarrellers.get(site)?.stop();
      await each(site, (t) => `DROP TRIGGER quarrel ON ${t}`);
    },
    unknown: false,
  },
  'the server takes no writes (25006)': {
    begin: async ({ admin, database }) => {
      await admin.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
      await admin.query(TERMINATE);
    },
    end: async ({ admin, database }) => {
      await admin.query('SET default_transaction_read_only = off');
      await admin.query(`ALTER DATABASE ${database} RESET default_transaction_read_only`);
      await admin.query(TERMINATE);
    },
    unknown: true,
  },
  'the disk is full (53100)': {
    begin: (site) =>
      site.admin
        .query(`CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''could not extend file: No space left on device'' USING ERRCODE = ''53100''; END'`)
        .then(() =>
          each(site, (t) => `CREATE TRIGGER disk_full BEFORE INSERT ON ${t} EXECUTE FUNCTION disk_full()`),
        ),
    end: async (site) => {
      await each(site, (t) => `DROP TRIGGER disk_full ON ${t}`);
    },
    unknown: false,
  },
};

/** An outage is noticed when statements time out, after seconds, on a busy machine later. */
const PATIENCE = { timeout: 60_000 };

describe('an outage of one storage', { timeout: 180_000 }, () => {
  let steady: TestDatabase;
  let shaky: TestDatabase;
  let server: WatchedServer;
  let site: Site;

  beforeEach(async () => {
    [steady, shaky] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    const admin = new pg.Client(shaky.connectionString);
    await admin.connect();
    const role = `${shaky.name}_app`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'`);
    await admin.query(
      `GRANT ALL ON SCHEMA public TO ${role}; GRANT CREATE ON DATABASE ${shaky.name} TO ${role}`,
    );
    const proxy = await startFaultProxy(shaky.connectionString);
    const url = new URL(proxy.connectionString);
    url.username = role;
    url.password = 'app';
    const tables = async () => {
      const { rows } = await admin.query(`SELECT tablename FROM pg_tables WHERE tablename LIKE 'items\\_%'`);
      return rows.map(({ tablename }) => tablename as string);
    };
    const adminConnectionString = shaky.connectionString;
    site = { proxy, admin, adminConnectionString, role, database: shaky.name, tables };
    server = await WatchedServer.start(steady.connectionString, [
      { name: 'steady', connectionString: steady.connectionString, maxConns: 5 },
      { name: 'shaky', connectionString: url.href, maxConns: 5 },
    ]);
  });
  afterEach(async () => {
    await server.stop();
    await site.proxy.close();
    await site.admin.query(`REASSIGN OWNED BY ${site.role} TO CURRENT_USER; DROP OWNED BY ${site.role}`);
    await site.admin.query(`DROP ROLE ${site.role}`);
    await site.admin.end();
    await steady.drop();
    await shaky.drop();
  });

  test.each(Object.entries(OUTAGES))(
    '%s: the other storage serves, and no item is lost',
    async (_, outage) => {
      await server.createQueue('q', 2);
      const load = producersOf(server, ['q']);
      load.start(6, { consumers: 0 });
      await load.more(50);

      await outage.begin(site);
      await expect.poll(() => server.logged('partition is failing').length, PATIENCE).toBeGreaterThan(0);
      expect(server.logged('partition is failing').every(({ storage }) => storage === 'shaky')).toBe(true);
      // Requests at the failing storage may be answered late. After that, all go to the other one.
      await load.more(12);
      const from = load.answers.length;
      await load.more(100);
      expect(load.answers.slice(from).filter((status) => status !== 200)).toEqual([]);

      await outage.end(site);
      await expect
        .poll(() => server.logged('partition is back in service').length, PATIENCE)
        .toBeGreaterThan(0);
      await load.more(50);
      await load.stop();
      // After a certain refusal of one storage, the items go to the other storage.
      if (!outage.unknown) expect(load.ledger.unknown).toBe(0);
      expect(load.answers.filter((status) => status !== 200 && status !== 454)).toEqual([]);
      await load.settle();
      expect(load.ledger.faults()).toEqual([]);
    },
  );
});
