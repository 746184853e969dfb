import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Client, createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from './launch-chromium.ts';

/** Names that the browser takes for other machines, and resolves to this one. */
const STRANGER = 'stranger.example';
const APP = 'app.example';
const REBOUND = 'rebound.example';
/** A name of the server for which browsers send no `Sec-Fetch-Site`, as for every name without TLS. */
const PLAIN = 'queue.example';

const FLAGS = [
  // The answer of a person to the question whether a page may reach this machine.
  '--disable-features=LocalNetworkAccessChecks',
  `--host-resolver-rules=${[STRANGER, APP, REBOUND, PLAIN].map((name) => `MAP ${name} 127.0.0.1`).join(',')}`,
];

/** Node's channel for the responses that servers of this process have sent. */
const SENT = 'http.server.response.finish';

let browser: Browser;
let context: BrowserContext;
let pages: Server;
let server: RunningServer;
let client: Client;
/** What the server is reached at from the browser, and from a page of its own. */
let port: string;

beforeAll(async () => {
  browser = await launchChromium(...FLAGS);
  pages = createServer((_, reply) => {
    reply.setHeader('Content-Type', 'text/html');
    reply.end('<!doctype html><title>a page</title>');
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
});

afterAll(async () => {
  await browser?.close();
  pages.close();
});

beforeEach(async () => {
  const config = { address: '127.0.0.1:0', 'allowed-hosts': [PLAIN], 'cors-origins': [originOf(APP)] };
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = await startServer(parseConfig(JSON.stringify(config)), deps);
  port = new URL(server.url).port;
  client = createClient({ endpoint: server.url });
  await client.queues.create({
    queueName: 'orders',
    leaseTimeout: '1m',
    expireTimeout: '1h',
    requestedPartitions: 1,
  });
  context = await browser.newContext();
});

afterEach(async () => {
  await context.close();
  await server.stop();
});

function originOf(name: string): string {
  return `http://${name}:${(pages.address() as AddressInfo).port}`;
}

async function pageOf(name: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(originOf(name));
  return page;
}

/** The statuses that the server sends for what a page does, until `count` are sent. */
async function statusesOf(count: number, act: () => Promise<unknown>): Promise<readonly number[]> {
  const statuses: number[] = [];
  await new Promise<void>((resolve, reject) => {
    const onSent = (message: unknown) => {
      const { response, socket } = message as { response: ServerResponse; socket: Socket };
      if (socket.localPort !== Number(port) || statuses.push(response.statusCode) < count) return;
      unsubscribe(SENT, onSent);
      resolve();
    };
    subscribe(SENT, onSent);
    act().catch(reject);
  });
  return statuses;
}

async function itemsWaiting(): Promise<number> {
  const { logicalQueues } = await client.queue.stats({ queueName: 'orders' });
  return logicalQueues.flatMap(({ partitions }) => partitions).reduce((sum, { total }) => sum + total, 0);
}

const DELETE = '{"queue_name":"orders","force":true}';
const PRODUCE = '{"queue_name":"orders","request_timeout":"5s","items":[{"utf8":"from a page"}]}';

/** Runs in the page. A body without a type needs no preflight request. */
async function post([url, body]: readonly [string, string]): Promise<void> {
  await fetch(url, { method: 'POST', mode: 'no-cors', body: new Blob([body]) });
}

/** Runs in the page: all other ways of sending a request without asking first. */
function postByOtherMeans([url, body]: readonly [string, string]): void {
  navigator.sendBeacon(url, body);
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.send(body);
  const frame = document.createElement('iframe');
  frame.name = 'target';
  document.body.append(frame);
  const form = document.createElement('form');
  form.method = 'POST';
  form.action = url;
  form.enctype = 'text/plain';
  form.target = 'target';
  const [name = '', value = ''] = body.split(':', 2);
  const field = document.createElement('input');
  field.name = `${name}:${value}`;
  form.append(field);
  document.body.append(form);
  form.submit();
}

/** Runs in the page, and sends from a page without an origin. */
function postFromSandbox([url, body]: readonly [string, string]): void {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  const send = `fetch(${JSON.stringify(url)}, {method: 'POST', mode: 'no-cors', body: new Blob([${JSON.stringify(body)}])})`;
  frame.srcdoc = `<script>${send}</script>`;
  document.body.append(frame);
}

describe.each([
  ['on this machine', () => `http://localhost:${port}`],
  ['on a name without TLS, to which browsers send Origin only', () => `http://${PLAIN}:${port}`],
])('a page of a stranger and a server %s', (_, serverOf) => {
  test('neither deletes a queue nor produces an item', async () => {
    const page = await pageOf(STRANGER);
    const requests = [
      [`${serverOf()}/v1/queues.delete`, DELETE],
      [`${serverOf()}/v1/queue.produce`, PRODUCE],
    ] as const;
    const statuses = await statusesOf(2, async () => {
      for (const request of requests) await page.evaluate(post, request);
    });
    expect(statuses).toEqual([403, 403]);
    expect(await itemsWaiting()).toBe(0);
  });

  test('not by a beacon, an XMLHttpRequest or a form either', async () => {
    const page = await pageOf(STRANGER);
    const request = [`${serverOf()}/v1/queue.produce`, PRODUCE] as const;
    const statuses = await statusesOf(3, () => page.evaluate(postByOtherMeans, request));
    expect(statuses).toEqual([403, 403, 403]);
    expect(await itemsWaiting()).toBe(0);
  });

  test('not from a sandbox, whose origin is null', async () => {
    const page = await pageOf(STRANGER);
    const request = [`${serverOf()}/v1/queue.produce`, PRODUCE] as const;
    const statuses = await statusesOf(1, () => page.evaluate(postFromSandbox, request));
    expect(statuses).toEqual([403]);
    expect(await itemsWaiting()).toBe(0);
  });

  test('a page of the server itself may call', async () => {
    const page = await context.newPage();
    expect((await page.goto(`${serverOf()}/health`))?.status()).toBe(200);
    await page.evaluate(post, ['/v1/queue.produce', PRODUCE] as const);
    expect(await itemsWaiting()).toBe(1);
  });

  test('a page of cors-origins may call, ask in advance, and read headers and errors', async () => {
    const page = await pageOf(APP);
    const read = await page.evaluate(async (url) => {
      const call = async (path: string, body: string) => {
        const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer x' };
        const reply = await fetch(url + path, { method: 'POST', headers, body });
        return [reply.status, reply.headers.get('Querator-Count-Age') !== null, await reply.text()];
      };
      return [
        await call('/v1/queue.stats', '{"queue_name":"orders"}'),
        await call('/v1/queues.info', '{"queue_name":"none"}'),
        (await fetch(`${url}/health`)).status,
      ];
    }, serverOf());
    expect(read).toEqual([
      [200, true, expect.stringContaining('logicalQueues')],
      [400, false, expect.stringContaining('queue does not exist')],
      200,
    ]);
  });
});

test('a person who types an address sees the page, and one who follows a link does not', async () => {
  const page = await context.newPage();
  expect((await page.goto(`http://localhost:${port}/metrics`))?.status()).toBe(200);
  const stranger = await pageOf(STRANGER);
  const [status] = await statusesOf(1, () =>
    stranger.evaluate((url) => {
      location.href = url;
    }, `http://localhost:${port}/metrics`),
  );
  expect(status).toBe(403);
});

test('a name that is rebound to this machine does not reach the server', async () => {
  const page = await context.newPage();
  const reply = await page.goto(`http://${REBOUND}:${port}/health`);
  expect(reply?.status()).toBe(403);
  const read = await page.evaluate(async (body) => {
    const sent = await fetch('/v1/queues.delete', { method: 'POST', body });
    return [sent.status, await sent.text()];
  }, DELETE);
  expect(read).toEqual([403, expect.stringContaining(`Host header '${REBOUND}:${port}'`)]);
  expect(await itemsWaiting()).toBe(0);
});
