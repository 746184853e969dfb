import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields, Logger } from '@querator/core';
import { silentLogger } from '@querator/core';
import { startTlsServer, type TlsServer } from '@querator/tooling-postgres/tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { PoolRegistry } from '../src/index.ts';
import { testBackend } from './support/test-backend.ts';

let server: TlsServer;
let folder: string;
let user: string;
let password: string;
let port: string;
let warnings: LogFields[];
let logger: Logger;

beforeAll(async () => {
  server = await startTlsServer();
  const url = new URL(server.cluster.connectionString());
  user = url.username;
  password = decodeURIComponent(url.password);
  port = url.port;
  await server.allow('host all all all scram-sha-256');
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'querator-pass-'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('PGPASSWORD', undefined);
  vi.stubEnv('PGPASSFILE', undefined);
  warnings = [];
  logger = { ...silentLogger, warn: (_message, fields) => void (fields?.['file'] && warnings.push(fields)) };
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const without = (query = '') => `postgres://${user}@127.0.0.1:${port}/postgres?sslmode=disable${query}`;

/** Whether a backend can connect: 'ok', or why not. */
async function ask(text: string, options: Parameters<typeof testBackend>[1] = {}): Promise<string> {
  const backend = testBackend(text, { registry: new PoolRegistry({ logger }), ...options });
  try {
    await backend.queueStore().list({ namespace: '', pivot: '', limit: 1 });
    return 'ok';
  } catch (error) {
    return String((error as Error).cause ?? error);
  } finally {
    await backend.close();
  }
}

function passFile(name: string, secret: string, mode = 0o600): string {
  const file = join(folder, name);
  writeFileSync(file, `127.0.0.1:${port}:postgres:${user}:${secret}\n`);
  chmodSync(file, mode);
  return file;
}

describe('a password', () => {
  test('comes from PGPASSWORD, unless the string has one', async () => {
    vi.stubEnv('PGPASSWORD', password);
    expect(await ask(without())).toBe('ok');
    expect(await ask(without('&password=wrong'))).toContain('password authentication failed');
    vi.stubEnv('PGPASSWORD', 'wrong');
    expect(await ask(without())).toContain('password authentication failed');
    expect(await ask(without(`&password=${password}`))).toBe('ok');
  });

  test('comes from the file of the string, of PGPASSFILE, or ~/.pgpass, in this order', async () => {
    passFile('.pgpass', password);
    expect(await ask(without())).toBe('ok');
    vi.stubEnv('PGPASSFILE', passFile('environment', 'wrong'));
    expect(await ask(without())).toContain('password authentication failed');
    expect(await ask(without(`&passfile=${passFile('string', password)}`))).toBe('ok');
    vi.stubEnv('PGPASSWORD', 'wrong');
    expect(await ask(without(`&passfile=${join(folder, 'string')}`))).toContain(
      'password authentication failed',
    );
  });

  test('is read from the file anew for each connection', async () => {
    vi.stubEnv('PGPASSFILE', passFile('a', 'wrong'));
    const backend = testBackend(without(), { registry: new PoolRegistry({ logger }) });
    const list = () => backend.queueStore().list({ namespace: '', pivot: '', limit: 1 });
    await expect(list()).rejects.toThrow();
    passFile('a', password);
    await vi.waitFor(list, { timeout: 20_000 });
    await backend.close();
  });

  test('that is found nowhere is an error that names the file that was searched', async () => {
    expect(await ask(without())).toContain('the server asks for a password, and neither');
    expect(await ask(without('&passfile=/nowhere'))).toContain('nor does the password file /nowhere');
    expect(warnings).toEqual([]);
  });

  test.each([
    ['its group may read', 0o640, 'its group or others have access to it'],
    ['others may read', 0o604, 'its group or others have access to it'],
  ])('is not taken from a file that %s', async (_, mode, reason) => {
    const file = passFile('open', password, mode);
    expect(await ask(without(`&passfile=${file}`))).toContain('the server asks for a password');
    expect(warnings).toEqual([{ file, reason: expect.stringContaining(reason) }]);
  });

  test('is not taken from a folder', async () => {
    const file = join(folder, 'folder');
    mkdirSync(file);
    expect(await ask(without(`&passfile=${file}`))).toContain('the server asks for a password');
    expect(warnings).toMatchObject([{ file, reason: 'it is not a plain file' }]);
  });
});

describe('a pool', () => {
  test('takes further passwords from a string that differs in nothing else', async () => {
    const registry = new PoolRegistry({ logger });
    const wrong = without('&password=wrong&require_auth=scram-sha-256&sslpassword=a');
    const right = without(`&password=${password}&require_auth=scram-sha-256&sslpassword=b`);
    const backend = testBackend(wrong, { registry });
    const list = () => backend.queueStore().list({ namespace: '', pivot: '', limit: 1 });
    await expect(list()).rejects.toThrow();
    expect(registry.renewPasswords(wrong, `${right}&application_name=other`)).toBe(false);
    expect(registry.renewPasswords(wrong, right.replace('scram-sha-256', 'md5'))).toBe(false);
    expect(registry.renewPasswords(wrong, right.replace('127.0.0.1', 'localhost'))).toBe(false);
    expect(registry.renewPasswords(wrong, right)).toBe(true);
    await vi.waitFor(list, { timeout: 20_000 });
    await backend.close();
  });
});

describe('the password function', () => {
  test('is called for each new connection, and comes before all other sources', async () => {
    vi.stubEnv('PGPASSWORD', 'wrong');
    const tokens = [password, password, 'expired'];
    const next = async () => tokens.shift() ?? '';
    const connect = () => ask(without('&password=wrong'), { maxConns: 1, password: next });
    expect(await connect()).toBe('ok');
    expect(await connect()).toBe('ok');
    expect(await connect()).toContain('password authentication failed');
    expect(tokens).toEqual([]);
  });

  test.each([
    [
      'rejects',
      () => Promise.reject(new Error('no token today')),
      'the password function failed: no token today',
    ],
    [
      'throws',
      () => {
        throw new Error('no token today');
      },
      'the password function failed: no token today',
    ],
    ['returns nothing', () => '', 'the password function returned no text'],
  ])('that %s is a failure to connect', async (_, fail, reason) => {
    expect(await ask(without(), { password: fail })).toContain(reason);
  });

  test('shares connections only with the same function', async () => {
    const registry = new PoolRegistry();
    const mine = () => password;
    const backends = [mine, mine, () => password, undefined].map((each) =>
      testBackend(without(), { registry, password: each }),
    );
    expect(registry.states()).toHaveLength(3);
    for (const backend of backends) await backend.close();
    expect(registry.states()).toEqual([]);
  });
});
