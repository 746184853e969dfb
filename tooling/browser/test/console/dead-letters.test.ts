import { type Client, createClient } from '@querator/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { createQueue, importItems, killItems, lease, produce } from './seed-items.ts';

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
    audit: { table: true },
  });
  client = createClient({ endpoint: site.server.url, apiKey: KEY });
  console = await ConsolePage.open(browser, site.url);
  ({ page } = console);
  await console.signIn(KEY, { write: true });
});

afterAll(async () => {
  await console?.close();
  await browser?.close();
  await site?.stop();
});

/** One session for all tests. Each begins with a new page. */
beforeEach(() => page.goto('about:blank'));

const dialog = () => page.getByRole('dialog');
const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });

/** Makes dead letters: some of each error. */
async function makeLetters(name: string, errors: Readonly<Record<string, number>>): Promise<void> {
  await createQueue(client, `${name}-dead`);
  await createQueue(client, name, `${name}-dead`);
  for (const [error, count] of Object.entries(errors)) {
    const items = Array.from({ length: count }, (_, at) => ({ utf8: `${error} ${at}`, kind: 'order' }));
    await produce(client, name, items);
    await killItems(client, name, { count, error });
  }
}

const HOSTILE = '<b onclick=alert(1)>\u202Egnp\nat line 1';

describe('dead letters', () => {
  test('of every namespace are in the list, and who sends them', async () => {
    await client.access.namespacesCreate({ name: 'shop' });
    const settings = { namespace: 'shop', leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 };
    await client.queues.create({ ...settings, queueName: 'shop-dead' });
    await client.queues.create({ ...settings, queueName: 'shop-orders', deadQueue: 'shop-dead' });
    await console.goTo('dead-letters');
    await row('shop-dead').getByText('shop-orders').waitFor();
  });

  test('are counted by error, and those of one error go back by a task, by keyboard alone', async () => {
    await makeLetters('mail', { timeout: 12, [HOSTILE]: 3 });
    await console.goTo('dead-letters');
    await page.getByRole('link', { name: 'mail-dead' }).click();
    await page.getByRole('heading', { name: 'Dead letters in mail-dead' }).waitFor();
    await row('rejected').getByText('15').waitFor();
    await page.getByRole('link', { name: 'by error' }).click();
    await row('<b onclick=alert(1)>U+202Egnp').getByText('20.0 %').waitFor();
    await page.getByRole('link', { name: 'timeout' }).press('Enter');
    await page.waitForURL(/error=timeout/);
    await page.getByRole('status').filter({ hasText: '12 found' }).waitFor();
    await console.expectAccessible();
    await page.getByRole('button', { name: 'Redrive…' }).press('Enter');
    await dialog().locator('input:focus').waitFor();
    await page.keyboard.press('Enter');
    await dialog().getByText('go back to the queues that they came from').waitFor();
    expect((await client.v2.items.find({ queueName: 'mail' })).items).toEqual([]);
    await dialog().locator('input:focus').waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('mail-dead');
    await page.keyboard.press('Enter');
    await dialog().getByText('12 of 12 letters').waitFor();
    await console.expectAccessible();
    await page.keyboard.press('Escape');
    await page.getByText('No such letters.', { exact: true }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Redrive…');
    expect((await client.v2.items.find({ queueName: 'mail' })).items.length).toBe(12);
    await press('Clear the search');
    await page.getByRole('status').filter({ hasText: '3 found' }).waitFor();
    // The count, and the work.
    const audited = await client.v2.audit.list({ action: 'v2/tasks.create' });
    expect(audited.items.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  });

  test('of a queue that has none lead to the queue that has them', async () => {
    await makeLetters('sms', { gone: 1 });
    await console.goTo('queues/sms/dead-letters');
    await page.getByText('There are no such letters.').waitFor();
    await page.locator('.note').getByRole('link', { name: 'sms-dead' }).click();
    await row('rejected').waitFor();
  });
});

test('a long error is a few lines high on a narrow page, and the groups are one below the other', async () => {
  await makeLetters('narrow', { [`cannot parse the order: ${'unexpected '.repeat(8)}`]: 2 });
  const viewer = await ConsolePage.open(browser, site.url, { narrow: true });
  await viewer.signIn(KEY);
  await viewer.goTo('queues/narrow-dead/dead-letters?by=source_queue');
  const { page } = viewer;
  await page.getByRole('rowheader', { name: 'narrow', exact: true }).waitFor();
  const letter = page.getByRole('row').filter({ hasText: 'unexpected' }).first();
  expect((await letter.boundingBox())?.height).toBeLessThan(160);
  expect(await viewer.overflow()).toBe(0);
  await viewer.close();
});

describe('dead letters of queues that share a dead-letter queue', () => {
  test('are shown by the queue that they came from, and those without an error too', async () => {
    await makeLetters('first', { timeout: 2, '': 3 });
    await createQueue(client, 'second', 'first-dead');
    await produce(client, 'second', [{ utf8: '1' }]);
    await killItems(client, 'second', { count: 1, error: 'full' });
    await console.goTo('queues/second');
    await page.getByRole('link', { name: 'Dead letters' }).last().click();
    await page.waitForURL(/source_queue=second/);
    await page.getByRole('status').filter({ hasText: '1 found' }).waitFor();
    expect(await page.getByLabel('Came from the queue').inputValue()).toBe('second');
    await console.goTo('dead-letters?name=first');
    await page.getByRole('link', { name: 'first', exact: true }).click();
    await page.getByRole('status').filter({ hasText: '5 found' }).waitFor();
    await page.getByRole('link', { name: 'by error' }).click();
    await page.getByRole('link', { name: 'none recorded' }).click();
    await page.getByRole('status').filter({ hasText: '3 found' }).waitFor();
    await press('Delete…');
    await dialog().getByText('came from the queue first').waitFor();
    await press('Count them');
    await dialog().getByLabel('Type').fill('first-dead');
    await press('Delete 3 items');
    await dialog().getByText('3 of 3').waitFor();
    const left = await client.v2.items.find({ queueName: 'first-dead' });
    expect(left.items.map(({ source }) => source?.queue)).toEqual(['first', 'first', 'second']);
  });
});

describe('tasks', () => {
  test('show how far they are and which items they take, are cancelled, and lead to those that are left', async () => {
    await createQueue(client, 'slow');
    await importItems(client, 'slow', 500);
    await console.goTo('queues/slow/items');
    await press('Delete…');
    await dialog().getByLabel('At most so many a second').fill('50');
    await press('Count them');
    await dialog().getByLabel('Type').fill('slow');
    await press('Delete 500 items');
    await dialog().getByText('It is a task of the server').waitFor();
    await press('Leave it running');
    await console.goTo('tasks?queue=slow&state=running');
    await page.getByRole('link', { name: 'Delete items', exact: true }).click();
    await page.getByText('50 a second').waitFor();
    await page.getByText('All items.').waitFor();
    await page
      .getByRole('status')
      .filter({ hasText: /[1-9]\d* of \d+ items found so far/ })
      .waitFor();
    await console.expectAccessible();
    await press('Cancel…');
    await press('Cancel the task');
    await page.getByText('cancelled', { exact: false }).first().waitFor();
    await page.getByRole('link', { name: 'Show the items that match now' }).click();
    await page.getByRole('status').filter({ hasText: '50 found' }).waitFor();
  });

  test('are cancelled from the list too', async () => {
    await createQueue(client, 'listed');
    await importItems(client, 'listed', 50);
    await client.v2.tasks.create({ kind: 'delete', queueName: 'listed', rate: 1 });
    await console.goTo('tasks?queue=listed');
    await row('Delete items').getByRole('button', { name: 'Cancel…' }).click();
    await dialog().getByText('What it has done stays done.').waitFor();
    await press('Cancel the task');
    await row('Delete items').getByText('cancelled').waitFor();
    const left = await client.v2.items.find({ queueName: 'listed' });
    expect(left.items.length).toBeGreaterThan(40);
  });

  test('that only count are left out of the list by the server, or are all of it', async () => {
    await createQueue(client, 'counted');
    await console.goTo('tasks?queue=counted');
    await page.getByText('No task meets the filter.').waitFor();
    await client.v2.tasks.create({ kind: 'delete', queueName: 'counted', dryRun: true });
    await client.v2.tasks.create({ kind: 'delete', queueName: 'counted' });
    await row('Count only: Delete items').getByText('done').waitFor();
    const asked = page.waitForRequest((request) => request.postDataJSON()?.dry_runs === 'without');
    await page.getByLabel('Dry runs').selectOption('left out');
    await asked;
    await row('Count only: Delete items').waitFor({ state: 'detached' });
    await page.getByRole('rowheader', { name: 'Delete items', exact: true }).waitFor();
    await page.getByLabel('Dry runs').selectOption('only these');
    await row('Count only: Delete items').waitFor();
    await page.getByLabel('State').selectOption('ended');
    await page.waitForURL(/state=ended/);
    await row('Count only: Delete items').getByText('done').waitFor();
  });

  test('are cancelled several at once, with the outcome of each', async () => {
    await createQueue(client, 'several');
    await importItems(client, 'several', 50);
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) {
      ids.push((await client.v2.tasks.create({ kind: 'delete', queueName: 'several', rate: 1 })).id);
    }
    const [refused = '', kept = '', ended = ''] = ids;
    await console.goTo('tasks?queue=several');
    const cancel = page.getByRole('button', { name: 'Cancel those chosen…' });
    expect(await cancel.getAttribute('title')).toContain('Choose tasks that run');
    await press('Choose all that run');
    await page.getByRole('checkbox', { name: kept }).uncheck();
    await press('Cancel the 2 chosen…');
    await console.expectAccessible();
    // As for a task whose creator needed more than this key has.
    await page.route('**/v2/tasks.cancel', (route) =>
      route.request().postDataJSON().id === refused
        ? route.fulfill({ status: 403, json: { code: 'forbidden', message: 'access denied' } })
        : route.continue(),
    );
    await press('Cancel 2 tasks');
    await dialog().getByText('access denied').waitFor();
    await dialog().getByText('ending').or(dialog().getByText('cancelled')).waitFor();
    await console.expectAccessible();
    await dialog().getByText('Close', { exact: true }).click();
    await page.unroute('**/v2/tasks.cancel');
    await page.getByRole('cell', { name: 'cancelled' }).waitFor();
    const states = await Promise.all(
      [refused, kept, ended].map(async (id) => (await client.v2.tasks.get({ id })).state),
    );
    expect(states).toEqual(['running', 'running', 'cancelled']);
    await press('Choose all that run');
    await press('Cancel the 2 chosen…');
    await press('Cancel 2 tasks');
    await dialog().getByText('Close', { exact: true }).click();
  });

  test('that failed say why', async () => {
    await createQueue(client, 'doomed');
    await importItems(client, 'doomed', 50);
    await client.v2.tasks.create({ kind: 'delete', queueName: 'doomed', rate: 1 });
    await console.goTo('tasks?queue=doomed');
    await row('Delete items').getByText('running').waitFor();
    await client.v2.queues.delete({ queueName: 'doomed', force: true });
    await row('Delete items').getByText('failed').waitFor();
    await row('Delete items').getByText('the queue was deleted').waitFor();
  });

  test('in a read-only session are not cancelled, and the page says why', async () => {
    await createQueue(client, 'kept');
    await importItems(client, 'kept', 50);
    await lease(client, 'kept', 1);
    const { id } = await client.v2.tasks.create({ kind: 'delete', queueName: 'kept', rate: 1 });
    const viewer = await ConsolePage.open(browser, site.url, { narrow: true, dark: true });
    await viewer.signIn(KEY);
    await viewer.goTo(`tasks/${id}`);
    const cancel = viewer.page.getByRole('button', { name: 'Cancel…' });
    expect(await cancel.getAttribute('aria-disabled')).toBe('true');
    await viewer.page.getByText('This session is read-only.').waitFor();
    await viewer.expectAccessible();
    await viewer.goTo('queues/kept/items');
    await viewer.page.getByText('This session is read-only.').waitFor();
    await viewer.expectAccessible();
    expect(await viewer.overflow()).toBe(0);
    await viewer.close();
  });
});
