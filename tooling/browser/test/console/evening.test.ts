import { type Client, createClient } from '@querator/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { createQueue, importItems, killItems, lease } from './seed-items.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

let browser: Browser;
let site: ConsoleSite;
let client: Client;
let console: ConsolePage;
let page: Page;

/** 20,000 items of which a tenth is poison, 3,000 dead letters, and a consumer that holds 40 items and does nothing. */
beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
  client = createClient({ endpoint: site.server.url, apiKey: KEY });
  await createQueue(client, 'orders-dead');
  await createQueue(client, 'orders', 'orders-dead');
  await createQueue(client, 'mail');
  for (const [count, kind, error] of [
    [1_000, 'order', 'the bank does not answer'],
    [1_000, 'order', 'the bank does not answer'],
    [1_000, 'poison', 'cannot parse the order: unexpected <'],
  ] as const) {
    await importItems(client, 'orders', count, { kind });
    await killItems(client, 'orders', { count, error });
  }
  await importItems(client, 'orders', 18_000, { kind: 'order' });
  await importItems(client, 'orders', 2_000, { kind: 'poison' });
  await importItems(client, 'mail', 100);
  await lease(client, 'mail', 40);
  console = await ConsolePage.open(browser, site.url);
  ({ page } = console);
});

afterAll(async () => {
  await console?.close();
  await browser?.close();
  await site?.stop();
});

const dialog = () => page.getByRole('dialog');
const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
const follow = (name: string) => page.getByRole('link', { name, exact: true }).click();

/** Confirms what the dialog has counted, and waits for its task. */
async function confirm(action: string, queue: string, count: string): Promise<void> {
  await press('Count them');
  await dialog().getByLabel('Type').fill(queue);
  await press(`${action} ${count}`);
  // It says "Leave it running" until the task has ended.
  await dialog().getByText('Close', { exact: true }).click();
}

/** How many items a queue holds, by kind. */
async function kindsOf(queueName: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let cursor = '';
  do {
    const reply = await client.v2.items.summarize({ queueName, by: 'kind', cursor });
    for (const { value, count } of reply.groups) counts[value] = (counts[value] ?? 0) + count;
    cursor = reply.cursor;
  } while (cursor !== '');
  return counts;
}

test("an operator's evening: the causes are found and mended in the console alone", async () => {
  await console.signIn(KEY, { write: true });

  // The dead-letter queue is full. Why?
  await follow('Dead letters');
  await follow('orders-dead');
  await follow('by error');
  await follow('the bank does not answer');
  await press('Redrive…');
  await confirm('Redrive', 'orders-dead', '2,000 letters');

  // What is left is of one kind, which no consumer can read.
  await press('Clear the search');
  await follow('by kind');
  await follow('poison');
  await page.waitForURL(/kind=poison/);
  await press('Delete…');
  await confirm('Delete', 'orders-dead', '1,000 items');

  // The queue has more items of that kind. They move to another queue, where their senders can look at them.
  await console.goTo('queues');
  await follow('orders');
  await follow('Items');
  await page.getByLabel('Kind', { exact: true }).fill('poison');
  await press('Search');
  await page.waitForURL(/kind=poison/);
  await press('Move…');
  await dialog().getByLabel('To the queue').fill('ers-de');
  await dialog().locator('option[value="orders-dead"]').waitFor({ state: 'attached' });
  await dialog().getByLabel('To the queue').fill('orders-dead');
  await confirm('Move', 'orders', '2,000 items');

  // A consumer holds items and does not work on them.
  await console.goTo('queues');
  await follow('mail');
  await follow('Items');
  await page.getByRole('link', { name: /^leased/ }).click();
  await press('End the leases found…');
  await confirm('End the leases of', 'mail', '40 items');

  expect(await kindsOf('orders')).toEqual({ order: 20_000 });
  expect(await kindsOf('orders-dead')).toEqual({ poison: 2_000 });
  expect((await client.v2.items.find({ queueName: 'mail', filter: { state: 'leased' } })).items).toEqual([]);

  // What was done is in the list of tasks, for whoever comes next.
  await follow('Tasks');
  for (const name of ['Redrive dead letters', 'Delete items', 'Move items', 'End leases']) {
    await page.getByRole('rowheader', { name, exact: true }).waitFor();
  }
});
