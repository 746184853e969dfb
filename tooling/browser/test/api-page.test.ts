import { once } from 'node:events';
import { createServer, type Server, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Client, createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { axeFindings } from './axe-findings.ts';
import { launchChromium } from './launch-chromium.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

let browser: Browser;
let server: RunningServer;
let proxy: Server;
let page: Page;
/** What the browser complained about: errors, refusals by the page's policy, failed requests. */
let complaints: string[];
/** The addresses that the browser asked. */
let asked: string[];

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  const config = { address: '127.0.0.1:0', 'auth-backend': { driver: 'internal', 'admin-key': KEY } };
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = await startServer(parseConfig(JSON.stringify(config)), deps);
  proxy = createPrefixProxy(server.url);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  // The page is large, and the machine may have other work.
  page.setDefaultTimeout(30_000);
  complaints = [];
  asked = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(request.url()));
  page.on('request', (request) => asked.push(request.url()));
});

afterEach(async () => {
  await page.close();
  proxy.close();
  await server.stop();
});

/** A proxy that serves the server below a path prefix, as far as the page needs it. */
function createPrefixProxy(target: string): Server {
  return createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    if (!url.startsWith('/queue/')) {
      outgoing.writeHead(404).end();
      return;
    }
    const forwarded = sendRequest(target + url.slice('/queue'.length), { method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
}

function operation(id: string) {
  return page.locator(`[id$="-${id}"]`);
}

/** Fills in the body of an operation, sends it, and waits for the reply. @returns its status. */
async function tryOut(id: string, body: object): Promise<string> {
  const block = operation(id);
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.locator('textarea.body-param__text').fill(JSON.stringify(body));
  await block.getByRole('button', { name: 'Execute' }).click();
  const status = block.locator('.live-responses-table .response-col_status').last();
  return ((await status.textContent()) ?? '').trim();
}

async function authorize(): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click();
  await page.getByRole('textbox').fill(KEY);
  await page.locator('.modal-btn.authorize').click();
  await page.locator('.btn-done').click();
}

test('the page shows every call, asks its own server only, and breaks no rule of its policy', async () => {
  await page.goto(`${server.url}/docs`);
  await page.locator('.opblock').first().waitFor();
  const document = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
  expect(await page.locator('.opblock').count()).toBe(Object.keys(document.paths).length);
  await operation('v2QueueLease').locator('.opblock-summary-control').click();
  await operation('v2QueueLease').getByText('"client_id"').first().waitFor();
  expect(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([]);
  expect(complaints).toEqual([]);
});

test.each([
  ['wide', { width: 1280, height: 860 }],
  ['narrow', { width: 390, height: 844 }],
])('%s: axe finds nothing, and the page is not wider than its window', async (_name, size) => {
  const check = async () => {
    expect(await axeFindings(page)).toEqual([]);
    const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
    expect(await page.evaluate(overflow)).toBe(0);
  };
  await page.setViewportSize(size);
  await page.goto(`${server.url}/docs`);
  await page.locator('#servers[aria-label]').waitFor();
  await check();
  expect(await axeFindings(page, { rules: { 'target-size': { enabled: true } } })).toEqual([]);
  // Refused without a key: what a reply looks like is shown either way.
  expect(await tryOut('v2QueueLease', { queue_name: 'q', batch_size: 1, client_id: 'me' })).toMatch(/^403/);
  await check();
  await page.locator('.auth-wrapper .authorize').first().click();
  await page.locator('.modal-ux').waitFor();
  await check();
});

test('the address names the call that is open', async () => {
  await page.goto(`${server.url}/docs`);
  await operation('v2QueueLease').locator('.opblock-summary-control').click();
  await page.waitForURL(/#\/v2%20queue\/v2QueueLease$/);
  await page.reload();
  await operation('v2QueueLease').getByText('"client_id"').first().waitFor();
});

test.each(['', '/queue'])('below the path "%s" a person can produce and lease', async (prefix) => {
  const { port } = proxy.address() as AddressInfo;
  const base = prefix === '' ? server.url : `http://127.0.0.1:${port}${prefix}`;
  const client: Client = createClient({ endpoint: server.url, apiKey: KEY });
  await client.queues.create({
    queueName: 'orders',
    leaseTimeout: '1m',
    expireTimeout: '1h',
    requestedPartitions: 1,
  });

  await page.goto(`${base}/docs`);
  await page.locator('.opblock').first().waitFor();
  const queue = { queue_name: 'orders', request_timeout: '5s' };
  await authorize();
  expect(await tryOut('v2QueueProduce', { ...queue, items: [{ utf8: 'by hand' }] })).toMatch(/^200/);
  expect(await tryOut('v2QueueLease', { ...queue, batch_size: 1, client_id: 'me' })).toMatch(/^200/);
  const { logicalQueues } = await client.queue.stats({ queueName: 'orders' });
  expect(logicalQueues[0]?.partitions[0]).toMatchObject({ total: 1, totalLeased: 1 });
  expect(complaints).toEqual([]);
});
