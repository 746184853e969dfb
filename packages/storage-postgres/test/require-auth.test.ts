import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  makeAuthority,
  startTlsServer,
  type TlsServer,
} from '@querator/tooling-postgres/tls';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemRoots } from '../src/connection/system-roots.ts';
import { watchAuthentication } from '../src/connection/watch-authentication.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { parseRequiredAuth } from '../src/settings/required-auth.ts';
import { askOver } from './support/open-connection.ts';

describe('require_auth', () => {
  test.each([
    ['scram-sha-256', ['scram-sha-256']],
    ['password,md5', ['password', 'md5']],
    ['!password,!none', ['md5', 'gss', 'sspi', 'scram-sha-256']],
    ['!gss', ['password', 'md5', 'sspi', 'scram-sha-256', 'none']],
    ['none', ['none']],
  ])('%s', (text, allowed) => {
    const required = parseRequiredAuth(text);
    const all = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'none'] as const;
    expect(all.filter((method) => required?.allows(method))).toEqual(allowed);
    expect(required?.namesPassword).toBe(allowed.includes('password') && !text.startsWith('!'));
  });

  test.each([
    ['md5,!none', 'require_auth must either name methods, or rule methods out with !'],
    ['kerberos', 'require_auth must be made of password, md5, gss, sspi, scram-sha-256, none'],
    ['md5,', 'require_auth must be made of'],
    ['md5,md5', 'require_auth names a method twice'],
    ['gss', 'require_auth: gss is not supported'],
    ['scram-sha-256,sspi', 'require_auth: sspi is not supported'],
  ])('%s is refused', (text, reason) => {
    expect(() => parseConnectionString(`postgres://h/d?require_auth=${text}`)).toThrow(reason);
  });
});

describe('a server that requests a clear-text password', () => {
  /** Whether the connection is opened, and the error if it is not. */
  function ask(where: Partial<Socket>, { encrypted = false, requireAuth = '' } = {}) {
    const connection = new EventEmitter();
    const refused: string[] = [];
    let warned = false;
    const check = watchAuthentication({ connection } as unknown as pg.Client, {
      required: parseRequiredAuth(requireAuth),
      ...{ encrypted, socket: where as Socket },
      refuse: ({ message }) => void refused.push(message),
      onClearText: () => {
        warned = true;
      },
    });
    connection.emit('authenticationCleartextPassword', {});
    if (refused.length > 0) expect(check).toThrow(refused[0]);
    else expect(check).not.toThrow();
    return { refused: refused.length > 0, warned };
  }
  const elsewhere = { remoteAddress: '192.0.2.1', remoteFamily: 'IPv4' };

  test.each([
    ['over TLS', elsewhere, { encrypted: true }],
    ['on this machine', { remoteAddress: '127.0.0.1', remoteFamily: 'IPv4' }, {}],
    ['on this machine', { remoteAddress: '::1', remoteFamily: 'IPv6' }, {}],
    ['on this machine', { remoteAddress: '::ffff:127.0.0.1', remoteFamily: 'IPv6' }, {}],
    ['over a Unix socket', {}, {}],
  ])('gets it %s', (_, where, options) => {
    expect(ask(where, options)).toEqual({ refused: false, warned: false });
  });

  test('gets it over the network only with require_auth=password, with a warning', () => {
    expect(ask(elsewhere)).toMatchObject({ refused: true });
    expect(ask(elsewhere, { requireAuth: '!md5' })).toMatchObject({ refused: true });
    expect(ask(elsewhere, { requireAuth: 'scram-sha-256' })).toMatchObject({ refused: true });
    expect(ask(elsewhere, { requireAuth: 'password' })).toEqual({ refused: false, warned: true });
  });
});

describe('on a real server', { timeout: 60_000 }, () => {
  let server: TlsServer;
  let authority: Authority;
  let folder: string;
  beforeAll(async () => {
    [server, authority] = await Promise.all([startTlsServer(), makeAuthority('Querator tests')]);
    folder = mkdtempSync(join(tmpdir(), 'querator-roots-'));
  }, 60_000);
  afterEach(() => void vi.unstubAllEnvs());
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server?.stop();
  });

  function connect(query: string): Promise<unknown> {
    const url = new URL(server.cluster.connectionString());
    const text = `postgres://${url.username}:${url.password}@127.0.0.1:${url.port}/postgres?${query}`;
    return askOver(text, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  }

  test('has to use the required method', async () => {
    await server.doWithout();
    for (const [rule, method] of [
      ['trust', 'none'],
      ['password', 'password'],
      ['scram-sha-256', 'scram-sha-256'],
    ] as const) {
      await server.allow(`host all all all ${rule}`);
      for (const required of ['none', 'password', 'scram-sha-256', 'md5']) {
        const wanted = () => connect(`sslmode=disable&require_auth=${required}`);
        const ruledOut = () => connect(`sslmode=disable&require_auth=!${required}`);
        const refusal = `the server uses the method ${method}`;
        if (required === method) {
          expect(await wanted()).toEqual({ ssl: false });
          await expect(ruledOut()).rejects.toThrow(refusal);
        } else {
          await expect(wanted()).rejects.toThrow(refusal);
          expect(await ruledOut()).toEqual({ ssl: false });
        }
      }
    }
  });

  test('verify-full trusts the authorities of the system, but ~/.postgresql/root.crt has precedence', async () => {
    const good = await authority.issue({ commonName: 'database', names: ['127.0.0.1'] });
    await server.encrypt(good, authority.cert);
    await server.allow('host all all all scram-sha-256');
    const [home, strangers] = [join(folder, 'home'), join(folder, 'strangers.crt')];
    mkdirSync(home);
    writeFileSync(strangers, (await makeAuthority('Somebody else')).cert);
    vi.stubEnv('HOME', home);
    vi.stubEnv('SSL_CERT_FILE', strangers);
    const queries = ['sslmode=verify-full', 'sslrootcert=system', 'sslmode=verify-full&sslrootcert=system'];
    for (const query of queries) await expect(connect(query)).rejects.toThrow(/unable to verify|self-signed/);
    vi.stubEnv('SSL_CERT_FILE', server.file('ca.crt', authority.cert));
    for (const query of queries) expect(await connect(query)).toEqual({ ssl: true });

    mkdirSync(join(home, '.postgresql'));
    const users = join(home, '.postgresql', 'root.crt');
    writeFileSync(users, (await makeAuthority('Somebody else')).cert);
    for (const query of ['sslmode=verify-full', 'sslmode=verify-ca', 'sslmode=require']) {
      await expect(connect(query)).rejects.toThrow(/unable to verify|self-signed/);
    }
    expect(await connect('sslrootcert=system')).toEqual({ ssl: true });
    writeFileSync(users, authority.cert);
    vi.stubEnv('SSL_CERT_FILE', strangers);
    for (const query of ['sslmode=verify-full', 'sslmode=verify-ca', 'sslmode=require']) {
      expect(await connect(query)).toEqual({ ssl: true });
    }
    writeFileSync(users, '');
    await expect(connect('sslmode=verify-full')).rejects.toThrow();
  });
});

describe('the authorities of the system', () => {
  const none = { getCACertificates: () => [] };

  test('are those of Node and those in NODE_EXTRA_CA_CERTS', async () => {
    const getCACertificates = (type: 'system' | 'extra') => (type === 'system' ? ['a', 'b'] : ['c']);
    expect(await systemRoots({}, { getCACertificates })).toEqual(['c', 'a', 'b']);
  });

  test('are found without Node 22.15, and are never empty', async () => {
    for (const stores of [none, {}]) {
      expect((await systemRoots({}, stores)).join('')).toContain('-----BEGIN CERTIFICATE-----');
    }
  });

  test('fail with the name of a missing file', async () => {
    await expect(systemRoots({ SSL_CERT_FILE: '/nowhere/ca.crt' }, none)).rejects.toThrow(
      /^SSL_CERT_FILE: ENOENT/,
    );
  });
});
