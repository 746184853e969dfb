import dns from 'node:dns';
import {
  type Cluster,
  createTestDatabase,
  type FaultProxy,
  startFaultProxy,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connector } from '../src/connection/connector.ts';
import { PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { connectorFor, openOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

/** Opens a connection as a pool would, runs one query, and closes it. */
async function ask<Row>(connector: Connector, text: string): Promise<Row> {
  const connection = await openOver(connector);
  const [row] = await connection.query({ text });
  await connection.close();
  return row as Row;
}

/** The address at which the server was reached. */
const WHERE = 'SELECT host(inet_server_addr()) AS address';

describe('the search for the primary', { timeout: 30_000 }, () => {
  let cluster: Cluster;
  /** At one address only. */
  let only: Cluster;
  beforeAll(async () => {
    [cluster, only] = await Promise.all([
      startTemporaryCluster({ volatile: true, settings: { listen_addresses: '127.0.0.1,::1' } }),
      startTemporaryCluster({ volatile: true }),
    ]);
  }, 60_000);
  afterAll(() => Promise.all([cluster?.stop(), only?.stop()]));
  afterEach(() => vi.restoreAllMocks());

  /** One connector for the string, as in a pool. */
  function connectorTo(hosts: string, query: string): Connector {
    const { username, password } = new URL(cluster.connectionString());
    const text = `postgres://${username}:${password}@${hosts}/postgres?${query}`;
    return connectorFor(text);
  }

  /** Resolves one name instead of the operating system. */
  function resolve(name: string, addresses: () => readonly string[]): void {
    type Callback = (error: Error | null, found: unknown, family?: number) => void;
    const answer = (asked: string, options: dns.LookupOptions, callback: Callback) => {
      if (asked !== name) throw new Error(`nobody should look up ${asked}`);
      const found = addresses().map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      if (options.all === true) callback(null, found);
      else callback(null, found[0]?.address, found[0]?.family);
    };
    vi.spyOn(dns, 'lookup').mockImplementation(answer as unknown as typeof dns.lookup);
  }

  test.each([
    ['read-write', 'host 2'],
    ['primary', 'host 2'],
    ['any', 'host 1'],
  ])(
    'target_session_attrs=%s: once the first host is back, connections go to %s',
    async (target, expected) => {
      const ways: FaultProxy[] = [];
      for (let n = 0; n < 2; n++) ways.push(await startFaultProxy(cluster.connectionString()));
      const hosts = ways.map(({ connectionString }) => new URL(connectionString).host);
      const connector = connectorTo(hosts.join(','), `target_session_attrs=${target}`);
      const served = async () => {
        const connection = await openOver(connector);
        await connection.close();
        return `host ${hosts.indexOf(connection.host) + 1}`;
      };
      expect(await served()).toBe('host 1');
      ways[0]?.refuse();
      expect(await served()).toBe('host 2');
      ways[0]?.restore();
      expect(await served()).toBe(expected);
      for (const way of ways) await way.close();
    },
  );

  test.each(['any', 'read-write'])('a name is resolved for each connection (%s)', async (target) => {
    let address = '127.0.0.1';
    resolve('db.querator.test', () => [address]);
    const connector = connectorTo(`db.querator.test:${cluster.port}`, `target_session_attrs=${target}`);
    expect(await ask(connector, WHERE)).toEqual({ address: '127.0.0.1' });
    address = '::1';
    expect(await ask(connector, WHERE)).toEqual({ address: '::1' });
  });

  test('of several addresses of a name the one that accepts writes is used, and used again', async () => {
    // On the same port, at another address.
    const settings = { listen_addresses: '::1', default_transaction_read_only: 'on' };
    const other = await startTemporaryCluster({ volatile: true, port: only.port, settings });
    try {
      const { password } = new URL(only.connectionString());
      const admin = new pg.Client({
        connectionString: other.connectionString().replace('127.0.0.1', '[::1]'),
        options: '-c default_transaction_read_only=off',
      });
      await admin.connect();
      await admin.query(`ALTER USER postgres PASSWORD '${password}'`);
      await admin.end();
      for (const addresses of [
        ['::1', '127.0.0.1'],
        ['127.0.0.1', '::1'],
      ]) {
        resolve('db.querator.test', () => addresses);
        const address = `postgres://postgres:${password}@db.querator.test:${only.port}/postgres`;
        const to = (query: string) => connectorFor(`${address}?${query}`);
        expect(await ask(to('target_session_attrs=read-write'), WHERE)).toEqual({ address: '127.0.0.1' });
        expect(await ask(to('target_session_attrs=read-only'), WHERE)).toEqual({ address: '::1' });
      }
    } finally {
      await other.stop();
    }
  });

  test('an unknown name, and one that is not resolved in time, fail the connection', async () => {
    const hosts = `nowhere.invalid:1,127.0.0.1:${cluster.port}`;
    const connector = connectorTo(hosts, 'target_session_attrs=read-write');
    expect(await ask(connector, WHERE)).toEqual({ address: '127.0.0.1' });
    vi.spyOn(dns, 'lookup').mockImplementation((() => {}) as unknown as typeof dns.lookup);
    const silent = connectorTo('db.querator.test', 'target_session_attrs=read-write&connect_timeout=1');
    await expect(ask(silent, WHERE)).rejects.toThrow('its name was not found within 1 s');
  });
});

describe('a server that accepts no writes', { timeout: 30_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  /** Sessions opened from now on are read-only, as on a standby. */
  async function setReadOnly(readOnly: boolean): Promise<void> {
    await admin.query('SET default_transaction_read_only = off');
    const change = readOnly
      ? 'SET default_transaction_read_only = on'
      : 'RESET default_transaction_read_only';
    await admin.query(`ALTER DATABASE ${database.name} ${change}`);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }

  test.each(['auto', 'transaction'])(
    'is detected by the first write, and gets no statement after that, whatever the string says: pooler=%s',
    async (pooler) => {
      const backend = testBackend(`${database.connectionString}?pooler=${pooler}`);
      const store = backend.partitionStore({ queue: 'demoted', partition: 0 });
      const produce = () => store.produce([{ items: [item('a')] }], HOUR);
      await produce();
      await setReadOnly(true);
      // If connections were cut first, a write may have an unknown outcome.
      await expect
        .poll(() => produce().then(String, ({ message }: Error) => message))
        .toContain('session is read-only');
      const refused = { name: 'StorageError', outcome: 'not-applied' };
      const message = expect.stringContaining('session is read-only');
      await expect(produce()).rejects.toMatchObject({ ...refused, message });
      // A probe of the partition is a read. It must not report that the server can serve.
      await expect(store.stats()).rejects.toMatchObject({ ...refused, message });
      await setReadOnly(false);
      await produce();
      expect((await store.stats()).waiting).toBe(2);
      await backend.close();
    },
  );
});

test('after a server has not answered, its idle connections are tested before use', async () => {
  const database = await createTestDatabase();
  const proxy = await startFaultProxy(database.connectionString);
  const registry = new PoolRegistry();
  const timeouts = { statementMs: 300, answerGraceMs: 100, acquireMs: 1_500 };
  const backend = testBackend(proxy.connectionString, { registry, maxConns: 2, timeouts });
  const store = backend.partitionStore({ queue: 'silent', partition: 0 });
  await store.stats();
  await vi.waitFor(async () => {
    await Promise.all([store.stats(), store.stats()]);
    expect(registry.states()).toMatchObject([{ open: 2, idle: 2 }]);
  }, 10_000);
  proxy.blackHole();
  await expect(store.stats()).rejects.toThrow('no answer within 400 ms');
  // The other one is not trusted, and a new one gets no answer either. No statement has waited in vain.
  await expect(store.stats()).rejects.toThrow('no connection within');
  proxy.restore();
  await expect.poll(() => store.stats().catch(() => undefined)).toMatchObject({ waiting: 0 });
  await backend.close();
  await proxy.close();
  await database.drop();
}, 30_000);
