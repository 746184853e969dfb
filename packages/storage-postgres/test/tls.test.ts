import dns from 'node:dns';
import {
  type Authority,
  type Certificate,
  makeAuthority,
  makeSelfSigned,
  startTlsServer,
  type TlsServer,
} from '@querator/tooling-postgres/tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { askOver } from './support/open-connection.ts';

/** The first version that supports `sslnegotiation=direct`, as the server's number. */
const KNOWS_DIRECT_TLS = 170_000;

const BY_PASSWORD = 'host all all all scram-sha-256';

/** The row of pg_stat_ssl for a connection. */
interface Seen {
  readonly ssl: boolean;
  readonly version: string | null;
  readonly client: string | null;
}

describe('TLS', { timeout: 30_000 }, () => {
  let server: TlsServer;
  let authority: Authority;
  let stranger: Authority;
  let good: Certificate;
  /** The certificates of the authority of the server's certificates, and of another one. */
  let ca: string;
  let otherCa: string;

  beforeAll(async () => {
    [server, authority, stranger] = await Promise.all([
      startTlsServer(),
      makeAuthority('Querator tests'),
      makeAuthority('Somebody else'),
    ]);
    good = await authority.issue({ commonName: 'database', names: ['localhost', '127.0.0.1'] });
    ca = server.file('ca.crt', authority.cert);
    otherCa = server.file('other-ca.crt', stranger.cert);
  }, 60_000);
  afterAll(() => server?.stop());

  /** The server's address with these options, by another host name if needed. */
  function address(query: string, host = '127.0.0.1'): string {
    const url = new URL(server.cluster.connectionString());
    return `postgres://${url.username}:${url.password}@${host}:${url.port}/postgres?${query}`;
  }

  const connect = (query: string, host?: string): Promise<Seen> =>
    askOver(
      address(query, host),
      'SELECT ssl, version, client_dn AS client FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );

  const encrypted = expect.objectContaining({ ssl: true });
  const clear = expect.objectContaining({ ssl: false });

  describe('with a certificate of a private authority', () => {
    beforeAll(async () => {
      await server.encrypt(good, authority.cert);
      await server.allow(BY_PASSWORD);
    });

    test.each(['sslmode=disable', 'sslmode=allow'])('%s connects without encryption', async (query) => {
      expect(await connect(query)).toEqual(clear);
    });

    test.each(['', 'sslmode=prefer', 'sslmode=require'])(
      '%j encrypts and verifies nothing',
      async (query) => {
        expect(await connect(query)).toEqual(encrypted);
        expect(await connect(query, 'localhost')).toEqual(encrypted);
      },
    );

    test('verify-full compares the name with the certificate, also if it has several addresses', async () => {
      const answer = (_: string, options: dns.LookupOptions, callback: (...args: unknown[]) => void) => {
        const found = ['127.0.0.1', '::1'].map((address, i) => ({ address, family: i === 0 ? 4 : 6 }));
        if (options.all === true) callback(null, found);
        else callback(null, found[0]?.address, found[0]?.family);
      };
      vi.spyOn(dns, 'lookup').mockImplementation(answer as unknown as typeof dns.lookup);
      const query = `sslmode=verify-full&sslrootcert=${ca}&target_session_attrs=read-write`;
      expect(await connect(query, 'localhost')).toEqual(encrypted);
      await expect(connect(query, 'elsewhere.test')).rejects.toThrow("does not match certificate's altnames");
      vi.restoreAllMocks();
    });

    test('verify-ca and verify-full accept it with its authority', async () => {
      for (const mode of ['verify-ca', 'verify-full']) {
        for (const host of ['127.0.0.1', 'localhost']) {
          expect(await connect(`sslmode=${mode}&sslrootcert=${ca}`, host)).toEqual(encrypted);
        }
      }
    });

    test.each(['verify-ca', 'verify-full'])(
      '%s refuses it without its authority, or with another',
      async (mode) => {
        await expect(connect(`sslmode=${mode}`)).rejects.toThrow(/unable to verify|self-signed/);
        await expect(connect(`sslmode=${mode}&sslrootcert=${otherCa}`)).rejects.toThrow(
          /unable to|self-signed/,
        );
      },
    );

    test('require with an authority is verify-ca, as in libpq', async () => {
      expect(await connect(`sslmode=require&sslrootcert=${ca}`)).toEqual(encrypted);
      await expect(connect(`sslmode=require&sslrootcert=${otherCa}`)).rejects.toThrow(
        /unable to|self-signed/,
      );
    });

    test('prefer with the wrong authority falls back to no encryption, as in libpq', async () => {
      expect(await connect(`sslmode=prefer&sslrootcert=${otherCa}`)).toEqual(clear);
    });

    test('a file that is not there is named with its option', async () => {
      await expect(connect('sslmode=verify-ca&sslrootcert=/nowhere/ca.crt')).rejects.toThrow(
        /^sslrootcert: ENOENT.*nowhere/,
      );
    });

    test('the versions of the protocol can be limited', async () => {
      const { version } = await connect('sslmode=require&ssl_max_protocol_version=TLSv1.2');
      expect(version).toBe('TLSv1.2');
      expect((await connect('sslmode=require&ssl_min_protocol_version=TLSv1.3')).version).toBe('TLSv1.3');
    });

    test('TLS starts with the first byte; an older server ends the connection', async () => {
      const { version } = await askOver<{ version: string }>(
        address(''),
        "SELECT current_setting('server_version_num') AS version",
      );
      const direct = connect(`sslmode=verify-full&sslrootcert=${ca}&sslnegotiation=direct`);
      if (Number(version) >= KNOWS_DIRECT_TLS) await expect(direct).resolves.toEqual(encrypted);
      else await expect(direct).rejects.toThrow('disconnected before secure TLS connection');
    });

    test('channel_binding binds the proof of the password to the certificate', async () => {
      expect(await connect('sslmode=require&channel_binding=require')).toEqual(encrypted);
      expect(await connect('channel_binding=prefer')).toEqual(encrypted);
      expect(await connect('channel_binding=disable')).toEqual(encrypted);
      await server.allow('host all all all trust');
      const query = 'sslmode=require&channel_binding=require';
      await expect(connect(query)).rejects.toThrow('channel_binding=require');
      await server.allow(BY_PASSWORD);
    });
  });

  test.each([
    ['for another host', { commonName: 'db', names: ['db.example.com'] }, /does not match/, true],
    [
      'for a name, where the string has an address',
      { commonName: 'db', names: ['localhost'] },
      /does not match/,
      true,
    ],
    ['that has run out', { commonName: 'db', names: ['127.0.0.1'], expired: true }, /expired/, false],
  ])('a certificate %s', async (_, subject, reason, fineForCa) => {
    await server.encrypt(await authority.issue(subject), authority.cert);
    await expect(connect(`sslmode=verify-full&sslrootcert=${ca}`)).rejects.toThrow(reason);
    const verifyCa = connect(`sslmode=verify-ca&sslrootcert=${ca}`);
    if (fineForCa) expect(await verifyCa).toEqual(encrypted);
    else await expect(verifyCa).rejects.toThrow(reason);
    expect(await connect('sslmode=require')).toEqual(encrypted);
  });

  test('a self-signed certificate is accepted if it is the trusted one', async () => {
    const certificate = await makeSelfSigned({ commonName: 'database', names: ['127.0.0.1'] });
    await server.encrypt(certificate, authority.cert);
    for (const mode of ['verify-ca', 'verify-full']) {
      await expect(connect(`sslmode=${mode}`)).rejects.toThrow('self-signed certificate');
      const trusted = server.file('self.crt', certificate.cert);
      expect(await connect(`sslmode=${mode}&sslrootcert=${trusted}`)).toEqual(encrypted);
    }
    expect(await connect('sslmode=require')).toEqual(encrypted);
  });

  test('a renewed client certificate is used without a restart', async () => {
    await server.encrypt(good, authority.cert);
    await server.allow('hostssl all all all scram-sha-256 clientcert=verify-ca');
    const mine = await authority.issue({ commonName: 'first' });
    const cert = server.file('me.crt', mine.cert);
    const key = server.file('me.key', mine.key);
    const query = `sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`;
    expect(await connect(query)).toMatchObject({ ssl: true, client: '/CN=first' });
    const renewed = await authority.issue({ commonName: 'second' });
    server.file('me.crt', renewed.cert);
    server.file('me.key', renewed.key);
    expect(await connect(query)).toMatchObject({ client: '/CN=second' });
  });

  test('a server that requests a client certificate gets it, and refuses a wrong one', async () => {
    await server.encrypt(good, authority.cert);
    await server.allow('hostssl all all all cert');
    const write = (name: string, { cert, key }: Certificate) =>
      `sslmode=require&sslcert=${server.file(`${name}.crt`, cert)}&sslkey=${server.file(`${name}.key`, key)}`;
    const mine = write('postgres', await authority.issue({ commonName: 'postgres' }));
    expect(await connect(mine)).toMatchObject({ ssl: true, client: '/CN=postgres' });

    await expect(connect('sslmode=require')).rejects.toThrow(/valid client certificate|certificate required/);
    const nobody = write('nobody', await authority.issue({ commonName: 'nobody' }));
    await expect(connect(nobody)).rejects.toThrow('certificate authentication failed');
    const foreign = write('foreign', await stranger.issue({ commonName: 'postgres' }));
    await expect(connect(foreign)).rejects.toThrow(/unknown ca|ECONNRESET|certificate/);
    const other = server.file('other.key', (await authority.issue({ commonName: 'postgres' })).key);
    await expect(connect(mine.replace(/sslkey=.*/, `sslkey=${other}`))).rejects.toThrow(
      /key values mismatch/,
    );
  });

  test('a server that requires TLS refuses unencrypted connections, and allow then uses TLS', async () => {
    await server.encrypt(good, authority.cert);
    await server.allow('hostssl all all all scram-sha-256');
    await expect(connect('sslmode=disable')).rejects.toThrow(/no pg_hba.conf entry.*(no encryption|SSL off)/);
    for (const mode of ['allow', 'prefer', 'require']) {
      expect(await connect(`sslmode=${mode}`)).toEqual(encrypted);
    }
  });

  test('a server whose rules refuse TLS serves allow and prefer without encryption', async () => {
    await server.encrypt(good, authority.cert);
    await server.allow('hostnossl all all all scram-sha-256');
    for (const mode of ['disable', 'allow', 'prefer'])
      expect(await connect(`sslmode=${mode}`)).toEqual(clear);
    await expect(connect('sslmode=require')).rejects.toThrow(/no pg_hba.conf entry.*SSL (encryption|on)/);
  });

  test('a server that allows both refuses a wrong password once, and names the user', async () => {
    await server.encrypt(good, authority.cert);
    await server.allow(BY_PASSWORD);
    const wrong = address('').replace(/:[^:@]+@/, ':not-the-password@');
    await expect(askOver(wrong, 'SELECT 1')).rejects.toThrow(
      /^password authentication failed for user "postgres"$/,
    );
  });

  test('a server without TLS', async () => {
    await server.doWithout();
    await server.allow(BY_PASSWORD);
    for (const mode of ['disable', 'allow', 'prefer'])
      expect(await connect(`sslmode=${mode}`)).toEqual(clear);
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await expect(connect(`sslmode=${mode}`)).rejects.toThrow('The server does not support SSL connections');
    }
  });
});
