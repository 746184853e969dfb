import { createClient } from '@querator/client';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { callApi } from './call-api.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { importItems, killItems } from './seed-items.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;
const SETTINGS = { leaseTimeout: '10m', expireTimeout: '24h', requestedPartitions: 1, namespace: 'shop' };

let browser: Browser;
let site: ConsoleSite;
let console: ConsolePage;

/** A namespace that dead letters have filled, with a schedule. */
beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
  const server = { url: site.server.url, key: KEY };
  const client = createClient({ endpoint: site.server.url, apiKey: KEY });
  await client.access.namespacesCreate({ name: 'shop' });
  await client.queues.create({ ...SETTINGS, queueName: 'orders-dead' });
  await client.queues.create({ ...SETTINGS, queueName: 'orders', deadQueue: 'orders-dead' });
  await importItems(client, 'orders', 50);
  await killItems(client, 'orders', { count: 40, error: 'cannot parse the order' });
  await callApi(server, 'v2/quotas.set', { namespace: 'shop', limits: { items_waiting: 50 } });
  const schedule = { name: 'nightly', cron: '0 2 * * *', time_zone: 'UTC', missed: 'one' };
  await callApi(server, 'v2/schedules.create', { ...schedule, queue_name: 'orders', item: { utf8: 'x' } });
  console = await ConsolePage.open(browser, site.url);
  await console.signIn(KEY);
});

afterAll(async () => {
  await console?.close();
  await browser?.close();
  await site?.stop();
});

test('a queue says that its namespace is full, and leads to what fills it', async () => {
  const { page } = console;
  await console.goTo('queues/orders');
  await page.getByText('The queues of the namespace shop hold 50 of at most 50 items').waitFor();
  await console.settle();
  await console.expectAccessible();
  await page.getByRole('link', { name: 'Its queues by size' }).click();
  await page.waitForURL(/namespace=shop/);
  const row = page.getByRole('row', { name: /^orders in shop/ });
  await row.getByRole('link', { name: '40', exact: true }).click();
  await page.getByRole('link', { name: 'by error' }).waitFor();
  expect(page.url()).toContain('#/queues/orders-dead/dead-letters');
});

test('the list of queues says it too, and fits the page', async () => {
  const { page } = console;
  await console.goTo('queues');
  await page.getByText('The queues of the namespace shop hold 50 of at most 50 items').waitFor();
  await console.expectAccessible();
  // A million items in each, and a thousand a second, as no test can store them.
  const minute = { time: new Date().toISOString(), produced: 120_000, completed: 119_000 };
  const large = { waiting: 1_142_531, leased: 12_600, scheduled: 10_400, estimated: true };
  await page.route('**/v2/queues.list', async (route) => {
    const reply = await (await route.fetch()).json();
    const items = reply.items.map((row: object) => ({
      ...row,
      ...large,
      head_age: '29m31s',
      minutes: [minute],
    }));
    await route.fulfill({ json: { ...reply, items } });
  });
  await page.reload();
  await page.getByText('about 1,142,531').first().waitFor();
  const table = page.getByRole('region', { name: 'Queues' });
  expect(await table.evaluate((frame) => frame.scrollWidth - frame.clientWidth)).toBe(0);
  await page.unroute('**/v2/queues.list');
});

test('the list of namespaces shows how much each uses of its limits', async () => {
  const { page } = console;
  await console.goTo('access?tab=namespaces');
  await page.getByRole('row', { name: /^shop/ }).getByText('50 of 50, full').waitFor();
  await page
    .getByRole('row', { name: /^_system/ })
    .getByText('no limits')
    .waitFor();
  await console.expectAccessible();
});

test('a queue that is not there is said once', async () => {
  const { page } = console;
  await console.goTo('queues/gone');
  await page.getByText('There is no such queue.').waitFor();
  expect(await page.getByText('The server refused this').count()).toBe(0);
  await console.expectAccessible();
});

test('an empty list of schedules says of which namespace it is, and offers the others', async () => {
  const { page } = console;
  await console.goTo('schedules');
  await page.getByText('No schedules in the namespace _system.').waitFor();
  await console.expectAccessible();
  await page.getByRole('link', { name: 'shop', exact: true }).click();
  await page.getByRole('rowheader', { name: 'nightly' }).waitFor();
});

test('a queue leads to its schedules, of whatever namespace', async () => {
  const { page } = console;
  await console.goTo('queues/orders/items');
  await page.getByRole('link', { name: 'Its schedules' }).click();
  await page.getByRole('rowheader', { name: 'nightly' }).waitFor();
  expect(await page.getByLabel('Queue', { exact: true }).inputValue()).toBe('orders');
});
