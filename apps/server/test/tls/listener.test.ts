import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type Instant, instantFromMilliseconds } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { makeAuthority } from '@querator/tooling-postgres/tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { callSecurely } from './support/https-call.ts';
import { LogRecorder } from './support/log-recorder.ts';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let server: RunningServer | undefined;
let clock: ManualClock;
let log: LogRecorder;

beforeAll(async () => {
  files = await TlsFolder.create();
});
afterAll(() => files.remove());
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const configWith = (tls: object) => parseConfig(JSON.stringify({ address: '127.0.0.1:0', tls }));

async function start(tls: object = files.settings, maxConnections = 100, at?: Instant): Promise<string> {
  clock = new ManualClock(at);
  log = new LogRecorder();
  const config = { ...configWith(tls), 'max-connections': maxConnections };
  server = await startServer(config, { clock, random: new SeededRandom(), logger: log });
  return server.url;
}

const call = (url: string, options: Parameters<typeof callSecurely>[1] = {}) =>
  callSecurely(url, { ca: files.authority.cert, ...options });

/** Shakes hands with the server, and returns the socket. */
async function handshake(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    ca: files.authority.cert,
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** Lets the server look at its files, until it has logged these words. */
async function untilLogged(words: string, count = 1): Promise<void> {
  await vi.waitFor(async () => {
    await clock.advance('10s');
    expect(log.with(words)).toHaveLength(count);
  });
}

describe('a server with TLS', () => {
  test('serves calls and pages over https, and not over http', async () => {
    const url = await start();
    expect(url).toMatch(/^https:/);
    expect((await call(`${url}/health`)).status).toBe(200);
    const body = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    expect(await call(`${url}/v1/queues.create`, { body })).toMatchObject({
      status: 200,
      commonName: 'first',
    });
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow('fetch failed');
  });

  test('speaks HTTP/1.1 only, whatever a client prefers', async () => {
    const url = await start();
    const both = await handshake(url, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(both.alpnProtocol).toBe('http/1.1');
    both.destroy();
    await expect(handshake(url, { ALPNProtocols: ['h2'] })).rejects.toThrow();
  });

  test.each([
    ['TLSv1.2', 'TLSv1.2', 'TLSv1.2'],
    ['TLSv1.2', 'TLSv1.3', 'TLSv1.3'],
    ['TLSv1.3', 'TLSv1.3', 'TLSv1.3'],
  ] as const)('with min-version %s, a client with %s gets %s', async (minimum, maxVersion, expected) => {
    const url = await start({ ...files.settings, 'min-version': minimum });
    const socket = await handshake(url, { maxVersion });
    expect(socket.getProtocol()).toBe(expected);
    socket.destroy();
  });

  test('refuses versions below min-version; TLS 1.1 by default', async () => {
    const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(handshake(await start(), { ...old, maxVersion: 'TLSv1.1' })).rejects.toThrow();
    await server?.stop();
    const url = await start({ ...files.settings, 'min-version': 'TLSv1.3' });
    await expect(handshake(url, { ...old, maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await server?.reload(configWith({ ...files.settings, 'min-version': 'TLSv1.2' }));
    (await handshake(url, { maxVersion: 'TLSv1.2' })).destroy();
  });

  test('warns of connections beyond the limit, and serves them when others close', async () => {
    const url = await start(files.settings, 1);
    const agent = new Agent({ keepAlive: true });
    expect((await call(`${url}/health`, { agent })).status).toBe(200);
    const waiting = call(`${url}/health`);
    await vi.waitFor(() => expect(log.with('all connections are in use')).toHaveLength(1));
    agent.destroy();
    expect((await waiting).status).toBe(200);
  });

  test('stops while a client has not finished its handshake', async () => {
    const url = await start();
    const idle = connectTcp(Number(new URL(url).port), '127.0.0.1');
    await once(idle, 'connect');
    expect((await call(`${url}/health`)).status).toBe(200);
    const closed = once(idle, 'close');
    await server?.stop();
    await closed;
  });
});

describe('client certificates', () => {
  const clientOf = async (commonName: string) => {
    const { cert, key } = await files.authority.issue({ commonName });
    return { cert, key };
  };
  const strangerOf = async () => {
    const { cert, key } = await (await makeAuthority('Other CA')).issue({ commonName: 'stranger' });
    return { cert, key };
  };

  test('are required with client-ca', async () => {
    const url = await start({ ...files.settings, 'client-ca': files.ca });
    expect((await call(`${url}/health`, await clientOf('alice'))).status).toBe(200);
    await expect(call(`${url}/health`)).rejects.toThrow();
    await expect(call(`${url}/health`, await strangerOf())).rejects.toThrow();
    const expired = await files.authority.issue({ commonName: 'alice', expired: true });
    await expect(call(`${url}/health`, { cert: expired.cert, key: expired.key })).rejects.toThrow();
  });

  test('may be optional, but an unverified one is refused nevertheless', async () => {
    const url = await start({
      ...files.settings,
      ...{ 'client-ca': files.ca, 'client-certificates': 'optional' },
    });
    expect((await call(`${url}/health`, await clientOf('alice'))).status).toBe(200);
    expect((await call(`${url}/health`)).status).toBe(200);
    await expect(call(`${url}/health`, await strangerOf())).rejects.toThrow();
  });
});

describe('changed files', () => {
  test('serve new connections, and open ones stay open', async () => {
    const url = await start();
    const agent = new Agent({ keepAlive: true, maxCachedSessions: 0 });
    expect((await call(`${url}/health`, { agent })).commonName).toBe('first');
    await files.install(await files.issue('second'));
    await untilLogged('reloaded the TLS certificate');
    expect(log.with('reloaded the TLS certificate')[0]).toContain(files.cert);
    expect((await call(`${url}/health`)).commonName).toBe('second');
    expect((await call(`${url}/health`, { agent })).commonName).toBe('first');
    agent.destroy();
  });

  test('that are broken change nothing, and are named once', async () => {
    const url = await start();
    const { commonName } = await call(`${url}/health`);
    await files.replace(files.key, (await files.issue('third')).key);
    await untilLogged('cannot be used');
    for (let poll = 0; poll < 5; poll++) {
      await clock.advance('10s');
      await new Promise(setImmediate);
    }
    expect(log.with('cannot be used')).toHaveLength(1);
    expect(log.with('cannot be used')[0]).toMatch(/^WARN .*server\.key does not belong to the certificate/);
    expect((await call(`${url}/health`)).commonName).toBe(commonName);
    await files.install(await files.issue('fourth'));
    await untilLogged('reloaded the TLS certificate');
    expect((await call(`${url}/health`)).commonName).toBe('fourth');
  });

  test('may name other authorities of clients', async () => {
    const other = await makeAuthority('Other CA');
    const { cert, key } = await other.issue({ commonName: 'bob' });
    const url = await start({ ...files.settings, 'client-ca': files.ca });
    await expect(call(`${url}/health`, { cert, key })).rejects.toThrow();
    await files.replace(files.ca, other.cert);
    await untilLogged('reloaded the TLS certificate');
    expect((await call(`${url}/health`, { cert, key })).status).toBe(200);
    await files.replace(files.ca, files.authority.cert);
  });

  test('an expired certificate is served, with a warning', async () => {
    await start();
    expect(log.with('has expired')).toEqual([]);
    await server?.stop();
    const url = await start(files.settings, 100, instantFromMilliseconds(Date.now() + 7 * 86_400_000));
    expect(log.with('has expired')[0]).toMatch(/^WARN the TLS certificate has expired .*server\.crt/);
    expect((await call(`${url}/health`)).status).toBe(200);
  });
});
