import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { askOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'hosts', partition: 0 };

describe('several hosts', { timeout: 30_000 }, () => {
  let primary: Cluster;
  let standby: Cluster;
  let folder: string;
  /** Accepts connections and sends nothing. */
  let mute: net.Server;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'q-sock-'));
    chmodSync(folder, 0o777);
    const settings = { listen_addresses: '127.0.0.1,::1', unix_socket_directories: folder };
    mute = net.createServer(() => {}).listen(0, '127.0.0.1');
    [primary, standby] = await Promise.all([
      startTemporaryCluster({ volatile: true, settings }),
      startTemporaryCluster({ volatile: true }),
      once(mute, 'listening'),
    ]);
    await makeStandby();
  }, 60_000);
  afterAll(async () => {
    mute?.close();
    await Promise.all([primary?.stop(), standby?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** A server that stays in recovery. To clients it is a standby. */
  async function makeStandby(): Promise<void> {
    // One string for both: the standby gets the primary's password.
    const admin = new pg.Client({ connectionString: standby.connectionString() });
    await admin.connect();
    await admin.query(`ALTER USER postgres PASSWORD '${new URL(primary.connectionString()).password}'`);
    await admin.end();
    await standby.halt();
    writeFileSync(join(standby.dataDir, 'pgdata', 'standby.signal'), '');
    await standby.start();
  }

  const P = () => `127.0.0.1:${primary.port}`;
  const S = () => `127.0.0.1:${standby.port}`;
  const closed = '127.0.0.1:1';

  function address(hosts: readonly string[], query = ''): string {
    const { username, password } = new URL(primary.connectionString());
    return `postgres://${username}:${password}@${hosts.join(',')}/postgres?${query}`;
  }

  /** Which of the two servers answers. */
  async function reached(hosts: readonly string[], query = ''): Promise<string> {
    const sql = `SELECT current_setting('port')::int AS port`;
    const { port } = await askOver<{ port: number }>(address(hosts, query), sql);
    return port === primary.port ? 'primary' : 'standby';
  }

  test.each([
    ['any', 'standby'],
    ['read-write', 'primary'],
    ['read-only', 'standby'],
    ['primary', 'primary'],
    ['standby', 'standby'],
    ['prefer-standby', 'standby'],
  ])('target_session_attrs=%s selects the %s, in any position', async (target, expected) => {
    const query = `target_session_attrs=${target}`;
    expect(await reached([S(), P()], query)).toBe(expected);
    expect(await reached([P(), S()], query)).toBe(target === 'any' ? 'primary' : expected);
  });

  test('prefer-standby accepts any host if there is no standby; the other values fail with a reason for each host', async () => {
    expect(await reached([closed, P()], 'target_session_attrs=prefer-standby')).toBe('primary');
    await expect(reached([closed, P()], 'target_session_attrs=standby')).rejects.toThrow(
      `no host serves: ${closed}: connect ECONNREFUSED ${closed}; ${P()}: server is not a standby`,
    );
    await expect(reached([S()], 'target_session_attrs=read-write')).rejects.toThrow('session is read-only');
    await expect(reached([S()], 'target_session_attrs=primary')).rejects.toThrow('server is a standby');
    await expect(reached([P()], 'target_session_attrs=read-only')).rejects.toThrow('is not read-only');
  });

  test('hosts that do not answer, in whatever way, are skipped', async () => {
    expect(await reached([closed, P()])).toBe('primary');
    expect(await reached(['no-such-host.invalid', P()])).toBe('primary');
    const silent = `127.0.0.1:${(mute.address() as net.AddressInfo).port}`;
    expect(await reached([silent, S()], 'connect_timeout=1')).toBe('standby');
    await expect(reached([silent], 'connect_timeout=1')).rejects.toThrow('no answer within 1 s');
  });

  test('a host that refuses the user ends the search, as in libpq', async () => {
    const wrong = address([P(), S()]).replace(/:[^:@]+@/, ':wrong@');
    await expect(askOver(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed');
    const nowhere = address([P(), S()]).replace('/postgres?', '/nowhere?');
    await expect(askOver(nowhere, 'SELECT 1')).rejects.toThrow('database "nowhere" does not exist');
  });

  test('an IPv6 address and a Unix socket work', async () => {
    const where = 'SELECT inet_server_addr()::text AS server';
    expect(await askOver(address([`[::1]:${primary.port}`]), where)).toEqual({ server: '::1/128' });
    const { username, password } = new URL(primary.connectionString());
    const rest = `port=${primary.port}&user=${username}&password=${password}&sslmode=require`;
    const socket = `postgres:///postgres?host=${encodeURIComponent(folder)}&${rest}`;
    expect(await askOver(socket, where)).toEqual({ server: null });
  });

  test('a pool closes all connections to a server that has become read-only', async () => {
    const registry = new PoolRegistry();
    // The primary under another name stands for the server that takes over.
    const hosts = [P(), `[::1]:${primary.port}`];
    const url = `${address(hosts, 'target_session_attrs=read-write&application_name=demoted')}`;
    const backend = testBackend(url, { registry, maxConns: 3 });
    const store = backend.partitionStore(KEY);
    const produceMany = () =>
      Promise.all(Array.from({ length: 20 }, () => store.produce([{ items: [item('a')] }], HOUR)));
    const admin = new pg.Client({ connectionString: primary.connectionString() });
    await admin.connect();
    const pids = async () => {
      const { rows } = await admin.query(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'demoted' ORDER BY pid`,
      );
      return rows.map(({ pid }) => pid as number);
    };
    // Calls may end before the pool has its last connection.
    await expect.poll(() => produceMany().then(pids)).toHaveLength(3);
    const before = await pids();
    const produce = () =>
      store.produce([{ items: [item('b')] }], HOUR).then(
        () => 'stored',
        (error: Error) => error.message,
      );
    // Sessions apply it at their own time. Until then they store.
    await setReadOnly(admin, true);
    await expect.poll(produce).toContain('session is read-only');
    await expect.poll(pids).toEqual([]);
    await setReadOnly(admin, false);
    await expect.poll(produce).toBe('stored');
    for (const pid of await pids()) expect(before).not.toContain(pid);
    await backend.close();
    await admin.end();
  });

  /** What happens to a server whose disk is full, or that another one has replaced. */
  async function setReadOnly(admin: pg.Client, readOnly: boolean): Promise<void> {
    await admin.query('SET default_transaction_read_only = off');
    await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${readOnly ? 'on' : 'off'}`);
    await admin.query('SELECT pg_reload_conf()');
  }
});
