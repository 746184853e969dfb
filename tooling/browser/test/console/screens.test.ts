import { type Client, createClient } from '@querator/client';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { callApi } from './call-api.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { seedQueues } from './seed-queues.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

/** Every address that shows something of its own. */
const ADDRESSES = [
  'queues',
  'queues/orders',
  'queues/orders?tab=partitions',
  'queues/orders?tab=settings',
  'queues/orders/items',
  'queues/orders/items?metadata=a%3Db&state=waiting',
  'queues/orders/items/000000000000000000000000000',
  'queues/orders/items/000000000000000000000000000?tab=way',
  'dead-letters',
  'queues/orders-dead/dead-letters?by=error',
  'tasks',
  'schedules',
  'storages',
  'access',
  'access?tab=keys',
  'access?tab=roles',
  'access?tab=bindings',
  'access?tab=namespaces',
  'audit',
];

let browser: Browser;
let site: ConsoleSite;
let client: Client;

beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({
    'auth-backend': { driver: 'internal', 'admin-key': KEY },
    audit: { table: true },
  });
  client = createClient({ endpoint: site.server.url, apiKey: KEY });
  await seedQueues(client);
});

afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

describe.each([
  ['light, 1,280 pixels', {}],
  ['dark, 390 pixels', { dark: true, narrow: true }],
])('%s', (_, options) => {
  test('axe finds nothing on any screen, and none is wider than the page', async () => {
    const console = await ConsolePage.open(browser, site.url, options);
    await console.signIn(KEY);
    for (const address of ADDRESSES) {
      await console.goTo(address);
      await console.settle();
      await console.expectAccessible();
      expect([address, await console.overflow()]).toEqual([address, 0]);
    }
    await console.close();
  });
});

describe('hostile names', () => {
  test('are shown as they are, with their hidden characters, and lead to their queues', async () => {
    const console = await ConsolePage.open(browser, site.url);
    await console.signIn(KEY);
    await console.goTo('queues');
    const { page } = console;
    await page.getByRole('link', { name: '<img/src=x/onerror=alert(1)>' }).click();
    await page.getByRole('heading', { level: 1, name: '<img/src=x/onerror=alert(1)>' }).waitFor();
    await page.getByText('team "><script>alert(1)</script>').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByText('team "><script>alert(1)</script>').waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
    await page.goBack();
    await page.goBack();
    await page.getByRole('link', { name: 'payU+202Eroll' }).click();
    expect(page.url()).toContain('#/queues/pay%E2%80%AEroll');
    await page.getByText('Waiting', { exact: true }).first().waitFor();
    await console.close();
  });
});

describe('a key with few permissions', () => {
  test('sees on each screen what it may not, and why', async () => {
    const admin = { url: site.server.url, key: KEY };
    const { id: user_id } = await callApi(admin, 'v1/users.create', { username: 'reader' });
    const { key = '' } = await callApi(admin, 'v1/apikeys.create', { user_id });
    const role = { namespace: '_system', name: 'Reader', permissions: ['queue.list', 'queue.stats'] };
    await callApi(admin, 'v1/roles.create', role);
    await callApi(admin, 'v1/rolebindings.create', { namespace: '_system', role_name: 'Reader', user_id });
    const console = await ConsolePage.open(browser, site.url);
    await console.signIn(key, { write: true });
    const { page } = console;
    await console.goTo('queues/orders');
    await page.getByRole('button', { name: 'Pause…' }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').getByText('access denied').waitFor();
    for (const address of [
      'schedules',
      'storages',
      'access',
      'access?tab=keys',
      'access?tab=bindings',
      'audit',
    ]) {
      await console.goTo(address);
      await page.getByText('This key may not see this').first().waitFor();
      await page.getByText('access denied').first().waitFor();
    }
    await console.expectAccessible();
    await console.close();
  });
});

test('what is wrong with a storage is said in the words of the server', async () => {
  const console = await ConsolePage.open(browser, site.url);
  const { page } = console;
  await console.signIn(KEY);
  await console.goTo('storages');
  await page.getByText('works').first().waitFor();
  const storages = [
    {
      name: 'pg-1',
      driver: 'postgres',
      state: 'warn',
      horizon: ['a session of <b>dump</b> is open for 3 h'],
    },
    { name: 'pg-2', driver: 'postgres', state: 'warn', drain: true, drain_holds: ['7 partitions are left'] },
    { name: 'pg-3', driver: 'postgres', state: 'fail', reasons: ['connection refused'] },
  ];
  // Only an hour of a real database would bring the first of them.
  await page.route('**/v2/storages.list', (route) => route.fulfill({ json: { storages } }));
  await page.reload();
  await page.getByText('It cannot remove dead rows').waitFor();
  await page.getByText('a session of <b>dump</b> is open for 3 h').waitFor();
  await page.getByText('7 partitions are left').waitFor();
  await page.getByText('out of service').waitFor();
  await page.getByText('connection refused').waitFor();
  await console.expectAccessible();
  await console.close();
});

test('the address holds all of the state: a link shows the same to somebody else', async () => {
  const sender = await ConsolePage.open(browser, site.url);
  await sender.signIn(KEY);
  await sender.goTo('audit');
  await sender.page.getByLabel('Call').fill('queues.create');
  await sender.page.waitForURL(/action=queues.create/);
  await sender.page.getByLabel('User').fill('admin');
  await sender.page.waitForURL(/actor=admin/);
  const address = new URL(sender.page.url()).hash.slice(2);
  const receiver = await ConsolePage.open(browser, site.url);
  await receiver.signIn(KEY);
  await receiver.goTo(address);
  expect(await receiver.page.getByLabel('Call').inputValue()).toBe('queues.create');
  await receiver.page.getByRole('rowheader', { name: 'queues.create' }).first().waitFor();
  expect(await receiver.page.getByRole('rowheader').count()).toBe(
    await receiver.page.getByRole('rowheader', { name: 'queues.create' }).count(),
  );
  await sender.close();
  await receiver.close();
});
