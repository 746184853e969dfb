import { type Client, createClient } from '@querator/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { callApi } from './call-api.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { seedQueues } from './seed-queues.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

let browser: Browser;
let site: ConsoleSite;
let client: Client;
let console: ConsolePage;
let page: Page;

beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({
    'auth-backend': { driver: 'internal', 'admin-key': KEY },
    'partition-storage': [
      { name: 'here', driver: 'memory', affinity: 1 },
      { name: 'old', driver: 'memory', affinity: 0 },
    ],
  });
  client = createClient({ endpoint: site.server.url, apiKey: KEY });
  await seedQueues(client);
  console = await ConsolePage.open(browser, site.url);
  ({ page } = console);
  await console.signIn(KEY, { write: true });
});

afterAll(async () => {
  await console?.close();
  await browser?.close();
  await site?.stop();
});

// A dialog that a failed test has left open.
beforeEach(() => page.reload());

const dialog = () => page.getByRole('dialog');
const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
const told = (text: string) => page.getByRole('region', { name: 'Messages' }).getByText(text).waitFor();

/** Runs in the page. The browser's own stops, such as its address bar, count as the body. */
function isOutsideDialog(): boolean {
  const { activeElement } = document;
  return activeElement !== document.body && activeElement?.closest('dialog') === null;
}

async function itemsOf(queueName: string): Promise<number> {
  const { logicalQueues } = await client.queue.stats({ queueName });
  return logicalQueues.flatMap(({ partitions }) => partitions).reduce((sum, { total }) => sum + total, 0);
}

test('in a read-only session a button says why it does nothing', async () => {
  await page.getByRole('switch', { name: 'Changes' }).click();
  await page.getByRole('switch', { name: 'Changes', checked: false }).waitFor();
  await console.goTo('queues/orders');
  const button = page.getByRole('button', { name: 'Clear…' });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  expect(await button.getAttribute('title')).toContain('read-only');
  await button.click({ force: true });
  expect(await dialog().count()).toBe(0);
  await console.allowChanges();
});

describe('a queue', () => {
  test('is created, and its settings are changed after a preview of what changes', async () => {
    await console.goTo('queues');
    await press('Create a queue…');
    await page.getByLabel('Name', { exact: true }).fill('invoices');
    await press('Create');
    await page.getByRole('heading', { level: 1, name: 'invoices' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await press('Edit the settings…');
    expect(await dialog().getByRole('button', { name: 'Preview the changes' }).isDisabled()).toBe(true);
    await page.getByLabel('Max attempts').fill('5');
    await page.getByLabel('Lease timeout').fill('60s');
    await press('Preview the changes');
    // 60s is as long as 1m, and no change.
    expect(await dialog().getByRole('listitem').allTextContents()).toEqual([
      expect.stringMatching(/^Max attempts: 0 → 5.*those that had more attempts die at once/),
    ]);
    await console.expectAccessible();
    await press('Save the changes');
    await told('The settings of invoices are changed.');
    const info = await client.queues.info({ queueName: 'invoices' });
    expect(info.maxAttempts).toBe(5);
  });

  test('keeps its settings if the server refuses others, and says why', async () => {
    await console.goTo('queues/orders?tab=settings');
    await press('Edit the settings…');
    await page.getByLabel('Lease timeout').fill('48h');
    await press('Preview the changes');
    await press('Save the changes');
    await dialog().getByRole('alert').getByText('lease timeout is too long').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByLabel('Lease timeout').inputValue()).toBe('48h');
  });

  test('is paused and resumed', async () => {
    await console.goTo('queues/orders');
    await press('Pause…');
    await dialog().getByLabel('Producers are refused').check();
    await press('Pause');
    await page.getByText('consumers are paused').waitFor();
    await page.getByText('producers are paused').waitFor();
    await press('Resume…');
    await press('Resume');
    await page.getByText('consumers are paused').waitFor({ state: 'detached' });
  });

  test('is cleared by a task: counted, confirmed by its name, and followed to its end', async () => {
    await console.goTo('queues/orders');
    await press('Clear…');
    await dialog().getByLabel('Waiting items, about 20').check();
    await press('Count them');
    const button = dialog().getByRole('button', { name: 'Delete 20 items' });
    await page.getByLabel('Type orders to confirm').fill('order');
    expect(await button.isDisabled()).toBe(true);
    expect(await itemsOf('orders')).toBe(20);
    await page.getByLabel('Type orders to confirm').fill('orders');
    await console.expectAccessible();
    await button.click();
    await dialog().getByText('20 of 20 items', { exact: true }).waitFor();
    await dialog().getByText('done').waitFor();
    expect(await itemsOf('orders')).toBe(0);
    await press('Close');
  });

  test('is left as it is if the dialog is closed, and the focus is back where it was', async () => {
    await client.queue.produce({ queueName: 'orders', requestTimeout: '10s', items: [{ utf8: 'kept' }] });
    await console.goTo('queues/orders');
    await press('Clear…');
    await press('Count them');
    await page.getByLabel('Type orders to confirm').waitFor();
    for (let stop = 0; stop < 8; stop++) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(isOutsideDialog)).toBe(false);
    }
    await page.keyboard.press('Escape');
    expect(await dialog().count()).toBe(0);
    expect(await itemsOf('orders')).toBe(1);
  });

  test('is resized after a preview, and back, and a resize that waits for consumers is cancelled', async () => {
    const settings = { leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 };
    await client.queues.create({ ...settings, queueName: 'wide' });
    const resize = async (partitions: number) => {
      await press('Resize…');
      await dialog().getByLabel('Partitions').fill(String(partitions));
      await press('Preview the resize');
      await dialog().getByLabel('Type wide to confirm').fill('wide');
    };
    const rows = () => page.getByRole('table', { name: 'Partitions' }).locator('tbody tr').count();
    await console.goTo('queues/wide?tab=partitions');
    await resize(3);
    await dialog().getByText('The queue gets 2 partitions more.').waitFor();
    await console.expectAccessible();
    await press('Resize to 3 partitions');
    await dialog().getByText('2 of 2 partitions').waitFor();
    await press('Close');
    await expect.poll(rows, { timeout: 8_000 }).toBe(3);
    const items = Array.from({ length: 30 }, (_, at) => ({ utf8: String(at) }));
    for (const item of items) {
      await client.queue.produce({ queueName: 'wide', requestTimeout: '10s', items: [item] });
    }
    await resize(2);
    await dialog()
      .getByText(/1 partition leaves/)
      .waitFor();
    await dialog()
      .getByText(/stay until consumers have taken the [1-9]/)
      .waitFor();
    await press('Resize to 2 partitions');
    await press('Leave it running');
    const running = page.getByRole('region', { name: 'Resize' });
    await running
      .getByText(/partition/)
      .first()
      .waitFor();
    await console.expectAccessible();
    await running.getByRole('button', { name: 'Cancel…' }).click();
    await press('Cancel the task');
    await running.waitFor({ state: 'detached' });
    await expect.poll(rows, { timeout: 8_000 }).toBe(3);
    // Its items move, so it needs no consumers.
    await press('Resize…');
    await dialog().getByLabel('Partitions').fill('1');
    await dialog()
      .getByLabel(/Move the items/)
      .check();
    await press('Preview the resize');
    await dialog()
      .getByText(/the [1-9][0-9]* items in them move behind/)
      .waitFor();
    await dialog().getByLabel('Type wide to confirm').fill('wide');
    await press('Resize to 1 partition');
    await dialog().getByText('done').waitFor();
    await press('Close');
    await expect.poll(rows, { timeout: 8_000 }).toBe(1);
    expect(await itemsOf('wide')).toBe(30);
  });

  test('is deleted once its name is typed, with its items only if that is said', async () => {
    await client.queues.create({
      queueName: 'old',
      leaseTimeout: '1m',
      expireTimeout: '1h',
      requestedPartitions: 1,
    });
    await client.queue.produce({ queueName: 'old', requestTimeout: '10s', items: [{ utf8: 'x' }] });
    await console.goTo('queues/old');
    await press('Delete…');
    await page.getByLabel('Type old to confirm').fill('old');
    await press('Delete the queue');
    await dialog().getByRole('alert').waitFor();
    await dialog().getByLabel('Also if it holds items').check();
    await press('Delete the queue');
    await told('old is deleted.');
    await page.getByRole('heading', { level: 1, name: 'Queues' }).waitFor();
  });
});

test('handling times are of items that this server leased and completed, and say so', async () => {
  await console.goTo('queues/orders-dead');
  await page.getByText('this server has leased and completed no item').waitFor();
  const queue = { queueName: 'orders-dead', requestTimeout: '10s' };
  await client.queue.produce({ ...queue, items: [{ utf8: 'a' }, { utf8: 'b' }] });
  const { items, partition } = await client.queue.lease({ ...queue, batchSize: 2, clientId: 'me' });
  await client.queue.complete({ ...queue, partition, ids: items.map(({ id }) => id) });
  await page.getByText('2 items that this server leased and completed').waitFor();
});

test('a schedule is created, paused, resumed, edited and deleted', async () => {
  await console.goTo('schedules');
  await press('Create a schedule…');
  await page.getByLabel('Name', { exact: true }).fill('hourly');
  await dialog().getByLabel('Queue', { exact: true }).fill('orders');
  await page.getByLabel('Times', { exact: true }).fill('0 * * * *');
  await page.getByLabel('Payload', { exact: true }).fill('{"n":12345678901234567890}');
  await press('Create');
  await told('hourly is created.');
  const row = page.getByRole('row', { name: 'hourly' });
  await row.getByRole('button', { name: 'Pause' }).click();
  await row.getByText('paused').waitFor();
  await row.getByRole('button', { name: 'Resume' }).click();
  await row.getByText('active').waitFor();
  await row.getByRole('button', { name: 'Edit…' }).click();
  expect(await page.getByLabel('Payload', { exact: true }).inputValue()).toBe('{"n":12345678901234567890}');
  await page.getByLabel('Times', { exact: true }).fill('30 * * * *');
  await press('Save the changes');
  await row.getByText('30 * * * *').waitFor();
  await row.getByRole('button', { name: 'Delete…' }).click();
  await page.getByLabel('Type hourly to confirm').fill('hourly');
  await press('Delete the schedule');
  await row.waitFor({ state: 'detached' });
});

test('a user gets a key, which is shown once, and a role, which is taken away', async () => {
  await console.goTo('access');
  await press('Create a user…');
  await page.getByLabel('Name', { exact: true }).fill('ann');
  await press('Create');
  const row = page.getByRole('row', { name: 'ann' });
  const id = (await row.locator('code').textContent()) ?? '';
  await row.getByRole('link', { name: 'Keys' }).click();
  await press('Create a key…');
  await page.getByLabel('Label').fill('laptop');
  await press('Create');
  const key = (await dialog().locator('.new-key').textContent()) ?? '';
  expect(key.trim()).toMatch(/^qtr-/);
  await press('I have it');
  await page.getByRole('row', { name: 'laptop' }).waitFor();
  expect(await page.content()).not.toContain(key.trim());

  await console.goTo('access?tab=roles');
  await press('Create a role…');
  await page.getByLabel('Name', { exact: true }).fill('Viewer');
  await page.getByLabel('queue.list').check();
  await press('Create');
  await page.getByRole('rowheader', { name: 'Viewer', exact: true }).waitFor();

  await console.goTo('access?tab=bindings');
  await press('Bind a role…');
  await page.getByLabel('Id of the user').fill(id);
  await page.getByLabel('Role', { exact: true }).fill('Viewer');
  await press('Bind');
  const binding = page.getByRole('row', { name: 'ann' });
  await binding.getByRole('button', { name: 'Remove…' }).click();
  await press('Take it away');
  await binding.waitFor({ state: 'detached' });
});

test('a quota is shown with its use, and set', async () => {
  await callApi({ url: site.server.url, key: KEY }, 'v1/namespaces.create', { name: 'shop' });
  await console.goTo('access?tab=namespaces');
  await page.getByRole('row', { name: 'shop' }).getByRole('button', { name: 'Show the quota…' }).click();
  await dialog().getByText('There are no limits.').waitFor();
  await press('Set the limits…');
  await page.getByLabel('Queues', { exact: true }).fill('12');
  await press('Set the limits');
  await dialog().getByRole('row', { name: 'Queues 0 12' }).waitFor();
  await console.expectAccessible();
});

test('a storage is drained: counted, confirmed by its name, and followed', async () => {
  const settings = { leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 };
  await client.queues.create({ ...settings, queueName: 'moved' });
  await client.queue.produce({ queueName: 'moved', requestTimeout: '10s', items: [{ utf8: 'kept' }] });
  const move = { kind: 'move_partition', queueName: 'moved', partition: 0, storageName: 'old' };
  const { id } = await client.v2.tasks.create(move);
  await expect.poll(async () => (await client.v2.tasks.get({ id })).state, { timeout: 8_000 }).toBe('done');
  await console.goTo('storages');
  const row = page.getByRole('row', { name: /^old / });
  await row.getByText('none: affinity 0').waitFor();
  await row.getByRole('button', { name: 'Drain…' }).click();
  await dialog().getByLabel('Type old to confirm').fill('old');
  await dialog().getByText('1 partition move').waitFor();
  await console.expectAccessible();
  await press('Move 1 partition');
  await dialog().getByText('1 of 1 partitions').waitFor();
  await dialog()
    .getByRole('link', { name: /The task/ })
    .click();
  await page.getByRole('heading', { level: 1, name: 'Empty a storage' }).waitFor();
  expect(await itemsOf('moved')).toBe(1);
  const { partitions } = await client.v2.queues.describe({ queueName: 'moved' });
  expect(partitions.map(({ storageName }) => storageName)).toEqual(['here']);
  // One that takes new partitions cannot be emptied.
  await console.goTo('storages');
  await page
    .getByRole('row', { name: /^here / })
    .getByRole('button', { name: 'Drain…' })
    .click();
  await dialog().getByRole('alert').getByText('takes new partitions, set its affinity to 0').waitFor();
});

test('a namespace is created and deleted, and a key has a quota', async () => {
  await console.goTo('access?tab=namespaces');
  await press('Create a namespace…');
  await page.getByLabel('Name', { exact: true }).fill('tenant');
  await page.getByLabel('Description').fill('one too many');
  await press('Create');
  await told('tenant is created.');
  const row = page.getByRole('row', { name: 'tenant' });
  await row.getByText('one too many').waitFor();
  await row.getByRole('button', { name: 'Delete…' }).click();
  await page.getByLabel('Type tenant to confirm').fill('tenant');
  await press('Delete the namespace');
  await row.waitFor({ state: 'detached' });

  const admin = { url: site.server.url, key: KEY };
  const { id: user_id } = await callApi(admin, 'v1/users.create', { username: 'greedy' });
  await callApi(admin, 'v1/apikeys.create', { user_id, name: 'robot' });
  await console.goTo('access?tab=keys');
  await page.getByRole('row', { name: 'robot' }).getByRole('button', { name: 'Quota…' }).click();
  await dialog().getByText('There are no limits.').waitFor();
  // The server counts the rates of those with limits only: 0 would be wrong.
  await dialog().getByRole('row', { name: 'Requests a second not counted none' }).waitFor();
  await press('Set the limits…');
  await page.getByLabel('Requests a second', { exact: true }).fill('7');
  await press('Set the limits');
  await dialog().getByRole('row', { name: 'Requests a second 0 7' }).waitFor();
  await console.expectAccessible();
});

test('bindings show the names of users and roles beyond the first hundred', async () => {
  const admin = { url: site.server.url, key: KEY };
  const namespace = 'crowd';
  await callApi(admin, 'v1/namespaces.create', { name: namespace });
  const ids: string[] = [];
  for (let at = 0; at < 130; at++) {
    ids.push((await callApi(admin, 'v1/users.create', { username: `u${at}` }))['id'] ?? '');
    await callApi(admin, 'v1/roles.create', { namespace, name: `r${at}`, permissions: ['queue.list'] });
  }
  for (const at of [0, 60, 129]) {
    const binding = { namespace, role_name: `r${at}`, user_id: ids[at] ?? '' };
    await callApi(admin, 'v1/rolebindings.create', binding);
  }
  await console.goTo(`access?tab=bindings&namespace=${namespace}`);
  for (const at of [0, 60, 129]) {
    await page.getByRole('row', { name: new RegExp(`^u${at} r${at} `) }).waitFor();
  }
});

test('what a server does not do is a plain note, which says how to switch it on', async () => {
  await console.goTo('audit');
  await page.getByText('This server keeps no events.').waitFor();
  await page.getByText('audit: { table: true }').waitFor();
  expect(await page.getByRole('button', { name: 'Try again now' }).count()).toBe(0);
  expect(await page.locator('.note.failed').count()).toBe(0);
  await console.expectAccessible();
});
