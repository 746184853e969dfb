import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { compose, parseConfig } from '@querator/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readOpenApi } from '../src/openapi/files.ts';
import { HEALTH_ERRORS } from '../src/openapi/page-operations.ts';
import { DescribedApi, type SentReply, withoutOpenObjects } from './support/described-api.ts';
import { ListeningServer } from './support/listening-server.ts';
import { patternOf } from './support/message-pattern.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;
const CONSOLE = '/console';
const FILE = `${CONSOLE}/{file}`;

const api = new DescribedApi(withoutOpenObjects(readOpenApi('openapi.json')));
const consoleFolder = mkdtempSync(join(tmpdir(), 'querator-console-'));

let open: ListeningServer;
let closed: ListeningServer;

beforeAll(() => {
  mkdirSync(join(consoleFolder, 'assets'));
  for (const name of ['index.html', 'start.js', 'icon.svg', 'font.woff2'])
    writeFileSync(join(consoleFolder, name), 'x');
  open = new ListeningServer({}, { consoleFolder });
  closed = new ListeningServer(
    { 'auth-backend': { driver: 'internal', 'admin-key': KEY } },
    { consoleFolder },
  );
});

afterAll(async () => {
  await Promise.all([open.stop(), closed.stop()]);
  rmSync(consoleFolder, { recursive: true });
});

test('the document has every page of the router, and no other', async () => {
  const { app, stop } = compose(parseConfig('{}'), {
    ...{ clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger, consoleFolder },
  });
  const routes = app.routes.filter(({ method }) => method === 'GET').map(({ path }) => path);
  // The router has one wildcard for the console.
  const described = api.pages().map(([path]) => (path.startsWith(CONSOLE) ? `${CONSOLE}/*` : path));
  expect(routes.sort()).toEqual([...new Set(described)].sort());
  expect(app.routes.filter(({ method }) => !['GET', 'POST'].includes(method))).toEqual([]);
  await stop();
});

interface PageRequest {
  /** As the document has it. */
  readonly path: string;
  readonly status: number;
  /** Path and query of the request. Default: `path`. */
  readonly asked?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const KNOWN = { 'If-None-Match': '*' };

/** Requests for each page, with the status of the reply. */
const REQUESTS: readonly PageRequest[] = [
  ...[
    ...[
      '/health',
      '/livez',
      '/readyz',
      '/metrics',
      '/openapi.json',
      '/docs',
      '/docs/page.css',
      '/docs/start.js',
    ],
    ...['/docs/viewer.css', '/docs/viewer.js', `${CONSOLE}/`, `${CONSOLE}/config.json`],
  ].map((path) => ({ path, status: 200 })),
  ...['/openapi.json', '/docs/viewer.css', '/docs/viewer.js', `${CONSOLE}/`].map((path) => ({
    ...{ path, status: 304, headers: KNOWN },
  })),
  ...['start.js', 'icon.svg', 'font.woff2'].map((name) => ({
    ...{ path: FILE, status: 200, asked: `${CONSOLE}/${name}` },
  })),
  { path: CONSOLE, status: 302 },
  { path: FILE, status: 304, asked: `${CONSOLE}/start.js`, headers: KNOWN },
  { path: FILE, status: 400, asked: `${CONSOLE}/none.js` },
  { path: '/health', status: 200, asked: '/health?requireStorage=quorum&quorum=1' },
  { path: '/health', status: 400, asked: '/health?quorum=1' },
];

test('every page is asked for', () => {
  const asked = new Set(REQUESTS.filter(({ status }) => status < 400).map(({ path }) => path));
  expect(api.pages().filter(([path]) => !asked.has(path))).toEqual([]);
});

describe('a server answers as the document says', () => {
  test.each(REQUESTS)('GET $path with $status', async ({ path, status, asked = path, headers }) => {
    const reply = await get(open, asked, headers);
    expect(api.pageFaults(path, reply)).toEqual([]);
    expect(reply.status).toBe(status);
  });

  test.each(api.pages())('GET %s from a page of another site', async (path) => {
    const reply = await get(open, path.replace('{file}', 'start.js'), {
      'X-Request-Id': 'a',
      Origin: 'http://x.example',
    });
    expect(api.pageFaults(path, reply)).toEqual([]);
    // Pages of other sites may lead to the console, which holds no data.
    expect(reply.status === 403).toBe(!path.startsWith(CONSOLE));
  });

  test.each(api.pages())('GET %s with access control, without a key and with one', async (path, page) => {
    const asked = path.replace('{file}', 'start.js');
    const statuses = [];
    for (const Authorization of [undefined, 'Bearer x', `Bearer ${KEY}`]) {
      const reply = await get(closed, asked, Authorization === undefined ? {} : { Authorization });
      expect(api.pageFaults(path, reply)).toEqual([]);
      statuses.push(reply.status);
    }
    // A page that the document calls public needs no key, and is the same for everybody.
    const isPublic = page.security !== undefined;
    expect(isPublic).toBe(page['x-permission'] === undefined);
    if (path === '/metrics') expect(statuses).toEqual([403, 401, 200]);
    else expect(new Set(statuses).size).toBe(1);
  });

  test('whoever may not see the health gets the status only', async () => {
    const parts = [{}, { Authorization: `Bearer ${KEY}` }].map(async (headers) => {
      const { body } = await get(closed, '/health', headers);
      return Object.keys(body as object);
    });
    expect(await Promise.all(parts)).toEqual([['status'], ['status', 'version', 'checks']]);
  });

  test.each([
    ['quorum=1', 0],
    ['requireStorage=x', 1],
    ['requireStorage=quorum', 2],
    ['requireStorage=quorum&quorum=0', 3],
  ])('GET /health?%s', async (query, index) => {
    const { body } = await get(open, `/health?${query}`);
    expect((body as { message: string }).message).toMatch(patternOf(HEALTH_ERRORS[index]?.text ?? ''));
  });
});

test.each(api.pages())('a POST to %s is an unknown call', async (path) => {
  const asked = path.replace('{file}', 'start.js');
  const { status, body } = await open.post(asked, '{}');
  expect(status).toBe(501);
  expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ message: `no such method; ${asked}` });
});

describe.each(api.pages())('%s', (_, { responses }) => {
  test('has only examples that its schemas describe', () => {
    for (const described of Object.values(responses)) {
      const { content = {} } = api.resolve(described);
      for (const [type, media] of Object.entries(content).filter(([each]) => each !== 'application/protobuf'))
        for (const example of Object.values(media.examples ?? {}))
          expect(api.faultsOf(media, api.resolve(example).value), type).toEqual([]);
    }
  });
});

async function get(
  server: ListeningServer,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SentReply> {
  const reply = await fetch(`${await server.url()}${path}`, { headers, redirect: 'manual' });
  const text = await reply.text();
  const isJson = /^application\/(.*\+)?json/.test(reply.headers.get('content-type') ?? '');
  return {
    status: reply.status,
    headers: reply.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}
