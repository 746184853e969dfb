import { once } from 'node:events';
import { request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { TRUSTED_CALLER } from '@querator/access';
import { SystemClock } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { OpenGate } from '../../src/http/call/open-gate.ts';
import type { SourceRulesOptions } from '../../src/http/call/source-rules.ts';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { type HttpFixture, httpFixture } from '../support/http-fixture.ts';

const PORT = 2319;

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One service on memory behind both adapters, each on a loopback address and elsewhere. */
class Site {
  readonly #service: Service;
  readonly #http: HttpFixture;
  readonly #listeners: Readonly<Record<'loopback' | 'elsewhere', Server>>;
  authentications = 0;

  constructor(rules: Partial<SourceRulesOptions> = {}) {
    const clock = new SystemClock();
    const random = new SeededRandom();
    const backend = memoryBackend({ name: 'memory', clock, random });
    const storages = [{ backend, affinity: 1 }];
    this.#service = createService({ clock, random, queueStore: backend.queueStore(), storages });
    const gate = new OpenGate();
    vi.spyOn(gate, 'authenticate').mockImplementation(() => {
      this.authentications++;
      return TRUSTED_CALLER;
    });
    this.#http = httpFixture(this.#service, clock, { gate, rules });
    this.#listeners = { loopback: createHttpServer(this.#http), elsewhere: createHttpServer(this.#http) };
  }

  async start(): Promise<void> {
    this.#listeners.loopback.listen(0, '127.0.0.1');
    this.#listeners.elsewhere.listen(0, '0.0.0.0');
    await Promise.all(Object.values(this.#listeners).map((server) => once(server, 'listening')));
  }

  async stop(): Promise<void> {
    await this.#service.shutdown();
    for (const server of Object.values(this.#listeners)) server.close().closeAllConnections();
  }

  port(listener: 'loopback' | 'elsewhere' = 'loopback'): number {
    return (this.#listeners[listener].address() as AddressInfo).port;
  }

  /** The reply, which both adapters have to give alike. */
  async ask(asked: Asked, listener: 'loopback' | 'elsewhere' = 'loopback'): Promise<Reply> {
    const overNode = await this.#overNode(asked, this.port(listener));
    const inProcess = await this.#inProcess(asked, listener === 'loopback');
    expect(inProcess.status).toBe(overNode.status);
    if (asked.path !== '/metrics' || overNode.status !== 200) expect(inProcess.text).toBe(overNode.text);
    for (const name of CORS) expect(inProcess.headers.get(name), name).toBe(overNode.headers.get(name));
    return overNode;
  }

  #overNode({ method = 'POST', path = CALL, headers = {} }: Asked, port: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, path, agent: false };
      const call = httpRequest(
        { ...options, headers: { Host: `localhost:${PORT}`, ...headers } },
        (reply) => {
          let text = '';
          reply.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          const all = Object.entries(reply.headersDistinct).map(([name, values]) => [name, String(values)]);
          reply.on('end', () =>
            resolve({ status: reply.statusCode ?? 0, headers: new Headers(all as [string, string][]), text }),
          );
        },
      );
      call.on('error', reject);
      call.end(method === 'POST' ? BODY : undefined);
    });
  }

  async #inProcess(
    { method = 'POST', path = CALL, headers = {} }: Asked,
    onLoopback: boolean,
  ): Promise<Reply> {
    const body = method === 'POST' ? { body: BODY } : {};
    const request = new Request(`http://in.process${path}`, {
      method,
      headers: { Host: `localhost:${PORT}`, 'Content-Type': 'application/json', ...headers },
      ...body,
    });
    const reply = await this.#http.app.fetch(request, { onLoopback });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  }
}

const CALL = '/v1/queues.list';
const BODY = '{}';
const CORS = [
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
  'vary',
];

/** A request to each kind of path. */
const EVERYWHERE: readonly (Asked & { readonly served: number })[] = [
  { path: CALL, served: 200 },
  { path: '/v1/queues.info', served: 400 },
  { path: '/v1/none', served: 501 },
  { path: '/health', method: 'GET', served: 200 },
  { path: '/health', method: 'HEAD', served: 200 },
  { path: '/metrics', method: 'GET', served: 200 },
  { path: '/', method: 'GET', served: 400 },
  { path: CALL, method: 'PUT', served: 400 },
  { path: CALL, method: 'OPTIONS', served: 400 },
];

const open = new Site();
const configured = new Site({
  allowedHosts: ['queue.example', '.wild.example', 'port.example:8080', '[2001:db8::7]'],
  corsOrigins: ['https://app.example', 'http://localhost:3000', 'app://desk'],
});
beforeAll(() => Promise.all([open.start(), configured.start()]));
afterAll(() => Promise.all([open.stop(), configured.stop()]));

function messageOf({ text }: Reply): string {
  const { code, code_text, message } = JSON.parse(text);
  return `${code} ${code_text}: ${message}`;
}

describe('which web pages may call', () => {
  test.each<[string, Record<string, string>]>([
    ['a program', {}],
    ["Node's fetch, which sends Sec-Fetch-Mode", { 'Sec-Fetch-Mode': 'cors' }],
    ['a page of this server', { 'Sec-Fetch-Site': 'same-origin', Origin: `http://localhost:${PORT}` }],
    [
      'a page of this server behind a proxy that renames it',
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://x' },
    ],
    ['an address that a person typed', { 'Sec-Fetch-Site': 'none' }],
    ['an old browser, on a page of this server', { Origin: `http://localhost:${PORT}` }],
    ['an old browser, case aside', { Host: 'LocalHost:80', Origin: 'http://localhost' }],
    ['an old browser, behind a proxy for TLS', { Host: 'localhost', Origin: 'https://localhost' }],
    [
      'an old browser, behind a proxy for TLS, which adds the port',
      { Host: 'localhost:443', Origin: 'https://localhost' },
    ],
  ])('%s is served', async (_, headers) => {
    for (const { served, ...asked } of EVERYWHERE) {
      expect((await open.ask({ ...asked, headers })).status, asked.path).toBe(served);
    }
  });

  const refused: [string, Record<string, string>, string][] = [
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }, "Sec-Fetch-Site header 'cross-site'"],
    ['another port of this machine', { 'Sec-Fetch-Site': 'same-site' }, "Sec-Fetch-Site header 'same-site'"],
    ['a value of the future', { 'Sec-Fetch-Site': 'other' }, "Sec-Fetch-Site header 'other'"],
    [
      'another site, also with our Origin',
      { 'Sec-Fetch-Site': 'cross-site', Origin: `http://localhost:${PORT}` },
      'Sec-Fetch-Site',
    ],
    ['another origin', { Origin: 'http://evil.example' }, "Origin header 'http://evil.example'"],
    ['another port', { Origin: 'http://localhost:3000' }, "Origin header 'http://localhost:3000'"],
    ['another host on our port', { Origin: `http://evil.example:${PORT}` }, 'Origin'],
    ['a name that begins like ours', { Origin: `http://localhost:${PORT}.evil.example` }, 'Origin'],
    ['a user before our name', { Origin: `http://evil@localhost:${PORT}` }, 'Origin'],
    ['a sandboxed page', { Origin: 'null' }, "Origin header 'null'"],
    ['no origin at all', { Origin: '' }, "Origin header ''"],
    ['a default port that differs', { Host: 'localhost:80', Origin: 'https://localhost' }, 'Origin'],
  ];
  test.each(refused)(
    '%s is refused, on every path and before the key is looked at',
    async (_, headers, header) => {
      const before = open.authentications;
      for (const { served: __, ...asked } of EVERYWHERE) {
        const reply = await open.ask({ ...asked, headers });
        expect(reply.status, asked.path).toBe(403);
        if (asked.method === 'HEAD') continue;
        expect(messageOf(reply)).toContain(`403 Forbidden: access denied; ${header}`);
        expect(reply.text).toContain("'cors-origins'");
        expect(reply.headers.has('access-control-allow-origin')).toBe(false);
      }
      expect(open.authentications).toBe(before);
    },
  );

  test('a long value is cut where the refusal shows it', async () => {
    const reply = await open.ask({ headers: { Origin: `http://${'a'.repeat(5_000)}` } });
    expect(messageOf(reply)).toMatch(/Origin header 'http:\/\/a{92}…' is not/);
  });
});

describe('cors-origins', () => {
  test.each([
    ['https://app.example', { 'Sec-Fetch-Site': 'cross-site' }],
    ['http://localhost:3000', { 'Sec-Fetch-Site': 'same-site' }],
    ['app://desk', {}],
  ])('%s may call, and read errors and pages too', async (Origin, more) => {
    for (const { served, ...asked } of EVERYWHERE.filter(({ method }) => method !== 'OPTIONS')) {
      const reply = await configured.ask({ ...asked, headers: { Origin, ...more } });
      expect(reply.status, asked.path).toBe(served);
      expect(reply.headers.get('access-control-allow-origin')).toBe(Origin);
      expect(reply.headers.get('access-control-expose-headers')).toContain('Querator-More');
      expect(reply.headers.get('vary')).toBe('Origin');
    }
  });

  test('a configured origin is told in advance that it may call, without a key', async () => {
    const before = configured.authentications;
    const headers = {
      Origin: 'https://app.example',
      'Sec-Fetch-Site': 'cross-site',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type',
    };
    for (const path of [CALL, '/v1/none', '/health']) {
      const reply = await configured.ask({ method: 'OPTIONS', path, headers });
      expect(reply.status).toBe(200);
      expect(reply.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(reply.headers.get('access-control-allow-methods')).toBe('POST, GET, HEAD');
      expect(reply.headers.get('access-control-allow-headers')).toBe(
        'Accept, Authorization, Content-Type, X-Request-Id, traceparent, tracestate',
      );
      expect(reply.headers.get('access-control-max-age')).toBe('600');
    }
    expect(configured.authentications).toBe(before);
  });

  test.each(['https://app.example.evil', 'http://app.example', 'https://app.example:8443', 'null'])(
    '%s may not',
    async (Origin) => {
      for (const { served: _, ...asked } of EVERYWHERE) {
        const reply = await configured.ask({ ...asked, headers: { Origin } });
        expect(reply.status).toBe(403);
        expect(reply.headers.has('access-control-allow-origin')).toBe(false);
      }
    },
  );

  test('a program gets no headers for browsers', async () => {
    const { headers } = await configured.ask({});
    expect(CORS.filter((name) => headers.has(name))).toEqual([]);
  });
});

describe('which hosts a request may name on a loopback address', () => {
  test.each([
    'localhost',
    'localhost:1',
    'LOCALHOST:65535',
    'localhost.',
    'queue.localhost:8080',
    '127.0.0.1',
    '127.3.2.1:2319',
    '[::1]',
    '[::1]:2319',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
  ])('%s', async (Host) => {
    for (const site of [open, configured]) expect((await site.ask({ headers: { Host } })).status).toBe(200);
  });

  test.each([
    'queue.example',
    'Queue.Example.:443',
    'a.wild.example',
    'a.b.wild.example:1',
    'port.example:8080',
    '[2001:DB8::7]:2319',
  ])('%s, where allowed-hosts has it', async (Host) => {
    expect((await configured.ask({ headers: { Host } })).status).toBe(200);
    expect((await open.ask({ headers: { Host } })).status).toBe(403);
  });

  test.each([
    'evil.example',
    'evil.example:2319',
    'localhost.evil.example',
    'notlocalhost',
    '10.0.0.1',
    '128.0.0.1',
    '[::2]',
    '127.0.0.1.evil.example',
    'wild.example',
    'notwild.example',
    'port.example',
    'port.example:80',
    '127.1',
  ])('but not %s, on any path', async (Host) => {
    for (const { served: _, ...asked } of EVERYWHERE) {
      const reply = await configured.ask({ ...asked, headers: { Host } });
      expect(reply.status).toBe(403);
      if (asked.method !== 'HEAD') {
        expect(messageOf(reply)).toBe(
          `403 Forbidden: access denied; Host header '${Host}' is no name of this machine and not in 'allowed-hosts'`,
        );
      }
    }
  });

  test('a page of a rebound name is same-origin to its browser, and still refused', async () => {
    const headers = { Host: 'evil.example', Origin: 'http://evil.example', 'Sec-Fetch-Site': 'same-origin' };
    expect((await open.ask({ headers })).status).toBe(403);
  });
});

describe('which hosts a request may name elsewhere', () => {
  test.each(['evil.example', 'localhost', '10.0.0.1:2319', 'my_service', '[2001:db8::7]:80'])(
    '%s, as long as allowed-hosts is empty',
    async (Host) => {
      expect((await open.ask({ headers: { Host } }, 'elsewhere')).status).toBe(200);
    },
  );

  test('only those of allowed-hosts, where it is set', async () => {
    const status = async (Host: string) => (await configured.ask({ headers: { Host } }, 'elsewhere')).status;
    expect(await status('queue.example')).toBe(200);
    expect(await status('queue.example:2319')).toBe(200);
    const reply = await configured.ask({ headers: { Host: 'localhost' } }, 'elsewhere');
    expect(messageOf(reply)).toBe(
      "403 Forbidden: access denied; Host header 'localhost' is not in 'allowed-hosts'",
    );
    expect(await status('queue.example')).toBe(200);
  });

  test.each([
    'a b',
    'a/b',
    'a@b',
    'a:b',
    'a:1:2',
    '[::1',
    'a..b',
    '%61',
    'a, b',
    '::1',
    '1.2.3.4.5',
    'a'.repeat(301),
  ])('%j is no host', async (Host) => {
    const reply = await open.ask({ headers: { Host } }, 'elsewhere');
    expect(messageOf(reply)).toMatch(
      /^400 Bad Request: Host header '.{1,140}' is invalid; expected one host, with or without a port$/,
    );
  });
});

describe('lines of a request that programs cannot send', () => {
  /** Sends bytes, and reads the status lines of all replies. */
  async function statuses(listener: 'loopback' | 'elsewhere', bytes: string): Promise<string> {
    const socket = connect(open.port(listener), '127.0.0.1');
    socket.end(bytes);
    let text = '';
    for await (const chunk of socket.setEncoding('latin1')) text += chunk;
    return text;
  }

  const call = (...lines: string[]) =>
    ['POST /v1/queues.list HTTP/1.1', ...lines, 'Content-Length: 2', 'Connection: close', '', '{}'].join(
      '\r\n',
    );

  test.each([
    ['the same host', 'Host: localhost', 'Host: localhost'],
    ['an allowed host first', 'Host: localhost', 'Host: evil.example'],
    ['an allowed host last', 'host: evil.example', 'HOST: localhost'],
  ])('two Host lines, %s: 400', async (_, ...lines) => {
    for (const listener of ['loopback', 'elsewhere'] as const) {
      const reply = await statuses(listener, call(...lines));
      expect(reply).toMatch(/^HTTP\/1\.1 400 /);
      expect(reply).toContain('"message":"Host header ');
    }
  });

  test('two Host lines of a page: 400', async () => {
    const lines = ['GET /health HTTP/1.1', 'Host: localhost', 'Host: localhost', 'Connection: close', '', ''];
    expect(await statuses('loopback', lines.join('\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('HTTP/1.0 without Host is served, as health checks send it', async () => {
    expect(await statuses('loopback', 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await statuses('loopback', call().replace('HTTP/1.1', 'HTTP/1.0'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each(['[0:0:0:0:0:0:0:1]:2319', 'LOCALHOST.', '127.0.0.1:80', ''])(
    'a page is shown for Host %j, as a call is made',
    async (host) => {
      const lines = ['GET /health HTTP/1.1', `Host: ${host}`, 'Connection: close', '', ''];
      expect(await statuses('loopback', lines.join('\r\n'))).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test.each(['/a\\b', '*', 'http://[/health'])('the target %s is refused in words', async (target) => {
    const lines = [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', '', ''];
    const reply = await statuses('loopback', lines.join('\r\n'));
    expect(reply).toMatch(/^HTTP\/1\.1 400 /);
    expect(reply).toContain('{"code":400,"code_text":"Bad Request","message":"request target is invalid;');
  });

  test('without Host no page passes', async () => {
    const page = call('Origin: http://localhost').replace('HTTP/1.1', 'HTTP/1.0');
    expect(await statuses('loopback', page)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('a second value of Origin or Sec-Fetch-Site does not hide behind a good first one', async () => {
    const twice = [
      ['Origin: http://localhost', 'Origin: http://evil.example'],
      ['Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site'],
    ];
    for (const lines of twice) {
      expect(await statuses('loopback', call('Host: localhost', ...lines))).toMatch(/^HTTP\/1\.1 403 /);
    }
  });
});
