import { QueueError, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { freePort } from '@querator/tooling-processes';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import type { ServerDeps } from '../../src/server-deps.ts';

const PAGES = ['/health', '/livez', '/readyz', '/metrics'];

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(settings: object, deps: Partial<ServerDeps> = {}): Promise<RunningServer> {
  server = await startServer(parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...settings })), {
    ...{ clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
    ...deps,
  });
  return server;
}

async function ask(url: string, init: RequestInit = {}) {
  const reply = await fetch(url, init);
  const text = await reply.text();
  return { status: reply.status, text };
}

const withAdmin = { 'admin-address': '127.0.0.1:0' };
const onDeadDatabase = async () => {
  const config = { 'connection-string': `postgres://u@127.0.0.1:${await freePort()}/d?connect_timeout=1` };
  return { 'partition-storage': [{ name: 'pg', driver: 'postgres', config }] };
};
const list = (url: string) =>
  ask(`${url}/v1/queues.list`, {
    method: 'POST',
    body: '{}',
    headers: { 'Content-Type': 'application/json' },
  });

describe('the port for operators', () => {
  test('has the four pages and every call', async () => {
    const { adminUrl = '' } = await start(withAdmin);
    for (const page of PAGES) expect(await ask(adminUrl + page), page).toMatchObject({ status: 200 });
    expect(await list(adminUrl)).toMatchObject({ status: 200 });
  });

  test('takes them from the other port, which answers as for any unknown path', async () => {
    const { url } = await start(withAdmin);
    for (const method of ['GET', 'HEAD', 'POST']) {
      const unknown = await ask(`${url}/nothing`, { method });
      for (const page of PAGES) {
        const { status, text } = await ask(url + page, { method });
        expect([page, method, status, text.replace(page, '/nothing')]).toEqual([
          ...[page, method, unknown.status, unknown.text],
        ]);
      }
    }
    expect(await list(url)).toMatchObject({ status: 200 });
  });

  test('is not there by default, and the pages are on the only port', async () => {
    const { url, adminUrl } = await start({});
    expect(adminUrl).toBeUndefined();
    for (const page of PAGES) expect(await ask(url + page), page).toMatchObject({ status: 200 });
  });

  test('that is taken ends the start, and frees the other port', async () => {
    const { url } = await start({});
    const port = await freePort();
    const taken = { address: `127.0.0.1:${port}`, 'admin-address': new URL(url).host };
    const config = parseConfig(JSON.stringify(taken));
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    await expect(startServer(config, deps)).rejects.toThrow('the address is already in use');
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
  });

  test.each([
    ['address: "h:1"\nadmin-address: "h:1"\n', "line 2: admin-address: is the same as 'address'"],
    ['admin-address: 9\n', 'line 1: admin-address: expected string, received number'],
    ['admin-tls: false\n', "line 1: admin-tls: needs 'admin-address'"],
    [
      'admin-address: "h:1"\nadmin-tls: true\n',
      "line 2: admin-tls: expected false, or settings like those of 'tls'",
    ],
    [
      'admin-address: "h:1"\nadmin-tls: {cert: /gone, key: /gone}\n',
      'line 2: admin-tls.cert: cannot read the file /gone',
    ],
  ])('%j is refused', (text, expected) => {
    expect(() => parseConfig(text)).toThrow(expected);
  });
});

describe('/livez and /readyz', () => {
  test('without a database the process lives, and is not ready', async () => {
    const { url } = await start(await onDeadDatabase());
    expect(await ask(`${url}/livez`)).toEqual({ status: 200, text: '{"status":"pass"}\n' });
    expect(await ask(`${url}/readyz`)).toEqual({ status: 503, text: '{"status":"fail"}\n' });
  });

  test('at rest both pass', async () => {
    const { url } = await start({});
    for (const page of ['/livez', '/readyz']) {
      expect(await ask(url + page)).toEqual({ status: 200, text: '{"status":"pass"}\n' });
    }
  });
});

describe('with an access check', () => {
  const refused = new QueueError('forbidden', 'access denied');

  test.each([
    ['at once', () => Promise.reject(refused)],
    [
      'later',
      () => {
        throw refused;
      },
    ],
  ])('one that refuses %s hides metrics and the details of health, and nothing else', async (_, check) => {
    const asked: (string | undefined)[] = [];
    const { url } = await start(
      {},
      {
        authorizePage: (permission, { authorization }) => {
          asked.push(permission, authorization);
          return check();
        },
      },
    );
    const headers = { Authorization: 'Bearer key' };
    const metrics = await ask(`${url}/metrics`, { headers });
    expect([metrics.status, JSON.parse(metrics.text).message]).toEqual([403, 'access denied']);
    expect(await ask(`${url}/health`, { headers })).toEqual({ status: 200, text: '{"status":"pass"}\n' });
    expect(asked).toEqual(['system.metrics', 'Bearer key', 'system.health', 'Bearer key']);
    expect(await ask(`${url}/livez`)).toMatchObject({ status: 200 });
    expect(await ask(`${url}/readyz`)).toMatchObject({ status: 200 });
    expect(asked).toHaveLength(4);
  });

  test('one that allows shows everything', async () => {
    const { url } = await start({}, { authorizePage: () => Promise.resolve() });
    expect((await ask(`${url}/health`)).text).toContain('queues:storage');
    expect((await ask(`${url}/metrics`)).text).toContain('# TYPE');
  });
});
