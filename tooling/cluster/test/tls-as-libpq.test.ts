import { execFileSync } from 'node:child_process';
import { SystemRandom } from '@querator/core';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { toolPath } from '@querator/tooling-postgres/debian';
import {
  type Authority,
  makeAuthority,
  startTlsServer,
  type TlsServer,
} from '@querator/tooling-postgres/tls';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MODES = ['', 'disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const HOSTS = ['127.0.0.1', 'localhost'] as const;

/** The result of an attempt to connect. */
type Outcome = 'encrypted' | 'in the clear' | 'refused';

/** The server's certificate, and its access rules. */
const SERVERS = {
  'with a certificate for both names': { names: ['localhost', '127.0.0.1'], rule: 'host' },
  'with a certificate for the name only': { names: ['localhost'], rule: 'host' },
  'with a certificate for the address only': { names: ['127.0.0.1'], rule: 'host' },
  'with a certificate for another host': { names: ['db.example.com'], rule: 'host' },
  'with a certificate that has the name nowhere but in its subject': { names: [], rule: 'host' },
  'with an expired certificate': { names: ['localhost', '127.0.0.1'], rule: 'host', expired: true },
  'that takes encrypted connections only': { names: ['localhost', '127.0.0.1'], rule: 'hostssl' },
  'that takes none that are encrypted': { names: ['localhost', '127.0.0.1'], rule: 'hostnossl' },
  'without TLS': { names: undefined, rule: 'host' },
} as const;

describe('sslmode has the meaning of libpq', () => {
  let server: TlsServer;
  let admin: pg.Client;
  let authority: Authority;
  const roots = new Map<string, string>();

  beforeAll(async () => {
    const [started, own, other] = await Promise.all([
      startTlsServer(),
      makeAuthority('Querator tests'),
      makeAuthority('Somebody else'),
    ]);
    server = started;
    authority = own;
    roots.set('none', '').set('ours', server.file('ca.crt', own.cert));
    roots.set('another', server.file('other.crt', other.cert));
    admin = new pg.Client(server.cluster.connectionString());
    await admin.connect();
  });
  afterAll(async () => {
    await admin?.end();
    await server?.stop();
  });

  /** Opens a connection as the driver does. */
  async function ours(url: string): Promise<Outcome> {
    const backend = postgresBackend({
      ...{ name: 'tls', connectionString: url, registry: new PoolRegistry(), random: new SystemRandom() },
      maxConns: 1,
    });
    try {
      await backend.ping();
      const { rows } = await admin.query(
        `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'querator'`,
      );
      return rows[0].ssl ? 'encrypted' : 'in the clear';
    } catch {
      return 'refused';
    } finally {
      await backend.close();
    }
  }

  function libpq(url: string): Outcome {
    const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    try {
      const env = { PATH: process.env['PATH'], LC_ALL: 'C', HOME: '/nonexistent' };
      const printed = execFileSync(toolPath('psql'), ['-XAtc', sql, url], {
        ...{ env, encoding: 'utf8' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return printed.trim() === 't' ? 'encrypted' : 'in the clear';
    } catch {
      return 'refused';
    }
  }

  test.each(Object.entries(SERVERS))('at a server %s', async (_, kind) => {
    const { names, rule } = kind;
    const expired = 'expired' in kind;
    if (names === undefined) await server.doWithout();
    else
      await server.encrypt(
        await authority.issue({ commonName: 'localhost', names, expired }),
        authority.cert,
      );
    await server.allow(`${rule} all all all scram-sha-256`);
    const { username, password, port } = new URL(server.cluster.connectionString());
    const differences: string[] = [];
    const seen = new Set<Outcome>();
    for (const host of HOSTS) {
      for (const mode of MODES) {
        for (const [root, file] of roots) {
          const query = new URLSearchParams({
            ...(mode === '' ? {} : { sslmode: mode }),
            ...(file === '' ? {} : { sslrootcert: file }),
          });
          const url = `postgres://${username}:${password}@${host}:${port}/postgres?${query}`;
          const [mine, theirs] = [await ours(url), libpq(url)];
          seen.add(mine);
          if (mine !== theirs)
            differences.push(`${host}, sslmode=${mode}, root ${root}: ${mine}, libpq: ${theirs}`);
        }
      }
    }
    expect(differences).toEqual([]);
    // The cases must differ in their results, or they test nothing.
    expect(seen.size).toBeGreaterThan(1);
  });
});
