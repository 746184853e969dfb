import { readFile } from 'node:fs/promises';
import { type Client, createClient } from '@querator/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { callApi } from './call-api.ts';
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
  site = await startConsole({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
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
const told = (text: string) => page.getByRole('region', { name: 'Messages' }).getByText(text).waitFor();
const status = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
const closeDialog = () => dialog().getByText('Close', { exact: true }).click();

/** The ids that the page shows. */
const shownIds = () => page.locator('tbody a.id').allTextContents();

describe('the items of a queue', () => {
  test('are paged without losing or doubling one while consumers work', async () => {
    await createQueue(client, 'paged');
    const ids = await produce(
      client,
      'paged',
      Array.from({ length: 120 }, (_, at) => ({ utf8: `${at}` })),
    );
    await console.goTo('queues/paged/items');
    await status('50 found');
    const first = await shownIds();
    const leased = await lease(client, 'paged', 60);
    await client.v2.queue.complete({
      queueName: 'paged',
      partition: 0,
      ids: leased.slice(0, 55),
      requestTimeout: '10s',
    });
    await client.v2.queue.retry({ queueName: 'paged', partition: 0, items: [{ id: leased[55] ?? '' }] });
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.getByRole('link', { name: ids[56] ?? '' }).waitFor();
    await status('50 found');
    const second = await shownIds();
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.getByText('This is the last page.').waitFor();
    const third = await shownIds();
    // The one that came back stands at the tail, under another id.
    const back = third.at(-1) ?? '';
    expect([...first, ...second, ...third]).toEqual([...ids.slice(0, 50), ...ids.slice(56), back]);
    expect(ids).not.toContain(back);
    await page.goBack();
    await page.getByRole('link', { name: ids[56] ?? '' }).waitFor();
    expect(await shownIds()).toEqual(second);
  });

  test('are searched through payloads by bounded calls that say how far they are, stop, and go on', async () => {
    await createQueue(client, 'large');
    await importItems(client, 'large', 30_000);
    const [id = ''] = await produce(client, 'large', [{ utf8: 'a needle' }]);
    const contents = () => client.v2.queues.describe({ queueName: 'large' });
    await expect.poll(async () => (await contents()).waiting, { timeout: 8_000 }).toBe(30_001);
    let calls = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/v2/items.find', async (route) => {
      if (++calls === 2) await held;
      // The page has given up the call that was held.
      await route.continue().catch(() => undefined);
    });
    await console.goTo('queues/large/items?payload=needle');
    await status('Reading. So far 20,000 of about 30,001 items. 0 found.');
    await console.expectAccessible();
    await press('Stop');
    await status('Stopped after 20,000 of about 30,001 items.');
    release();
    await press('Continue');
    await page.getByRole('link', { name: id }).waitFor();
    await status('Read to the end: 30,001 items. 1 found.');
    await page.unroute('**/v2/items.find');
  });

  test('are found by every condition, and a link shows the same to somebody else', async () => {
    await createQueue(client, 'found');
    const metadata = new Map([['tenant', 'blue, green']]);
    const items = [
      { utf8: 'one', kind: 'a', reference: 'r1', encoding: 'json', metadata },
      { utf8: 'two', kind: 'a' },
    ];
    const [id = '', other = ''] = await produce(client, 'found', items);
    await console.goTo('queues/found/items');
    await page.getByRole('link', { name: other }).waitFor();
    await page.getByText('More conditions').click();
    const values = [
      ['Id', `${id} ${other}`],
      ['Kind', 'a'],
      ['Reference', 'r1'],
      ['Payload contains', 'on'],
      ['First id', id],
      ['Encoding', 'json'],
      ['Metadata', '{"tenant":"blue, green"}'],
      ['Created from', '2026-01-01T00:00:01'],
      ['Created before', '2126-01-01T00:00:01'],
      ['Due before', '2126-01-01T00:00:01'],
    ] as const;
    const field = (of: Page, label: string) => of.getByLabel(label, { exact: true });
    for (const [label, value] of values) await field(page, label).fill(value);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: other }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'waiting' }).click();
    await page.waitForURL(/state=waiting/);
    const receiver = await page.context().newPage();
    await receiver.goto(page.url());
    await receiver.getByRole('link', { name: id }).waitFor();
    for (const [label, value] of values) expect(await field(receiver, label).inputValue()).toBe(value);
    expect(await receiver.locator('tbody tr').count()).toBe(1);
    await receiver.close();
  });

  test('are grouped by what their metadata say, once somebody asks, and a group is shown by itself', async () => {
    await createQueue(client, 'tenants');
    const items = ['acme', 'acme', 'acme', 'a, b', undefined].map((tenant, at) => ({
      utf8: `${at}`,
      metadata: new Map([['region', 'eu'], ...(tenant === undefined ? [] : [['tenant', tenant] as const])]),
    }));
    await produce(client, 'tenants', items);
    let counts = 0;
    await page.route('**/v2/items.summarize', (route) => {
      counts++;
      return route.continue();
    });
    await console.goTo('queues/tenants/items');
    await status('5 found');
    // To count reads the whole queue.
    expect(counts).toBe(0);
    await page.getByRole('link', { name: 'by tenant' }).click();
    await page.getByRole('row', { name: 'acme 3 60.0 %' }).waitFor();
    await page.getByRole('row', { name: 'none recorded 1 20.0 %' }).waitFor();
    await console.expectAccessible();
    await page.getByRole('link', { name: 'a, b' }).click();
    await status('1 found');
    await press('Clear the search');
    await page.getByRole('link', { name: 'acme' }).click();
    await status('3 found');
    expect(await page.getByLabel('Metadata').inputValue()).toBe('tenant=acme');
    await page.getByRole('link', { name: 'by state' }).click();
    await page.getByRole('link', { name: 'waiting', exact: true }).last().click();
    await page.waitForURL(/state=waiting/);
    await page.getByRole('link', { name: 'not at all' }).click();
    await page.getByRole('table', { name: 'items by state' }).waitFor({ state: 'detached' });
    await page.unroute('**/v2/items.summarize');
  });

  test('by a condition that would be none, nothing is shown, and nothing can be done', async () => {
    await createQueue(client, 'careful');
    await produce(client, 'careful', [{ utf8: 'dear' }]);
    await console.goTo('queues/careful/items?id=,');
    await page.getByText('Id: expected an id').waitFor();
    expect(await page.locator('tbody tr').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Delete…' }).count()).toBe(0);
  });

  test('of one kind are deleted by a task: counted, confirmed by name, watched', async () => {
    await createQueue(client, 'mixed');
    const items = Array.from({ length: 30 }, (_, at) => ({
      utf8: `${at}`,
      kind: at % 3 === 0 ? 'poison' : 'good',
    }));
    await produce(client, 'mixed', items);
    await console.goTo('queues/mixed/items?kind=poison');
    await status('10 found');
    await press('Delete…');
    await dialog().getByText('kind poison').waitFor();
    await console.expectAccessible();
    await press('Count them');
    await dialog()
      .getByText('10 items are deleted')
      .or(dialog().getByText('10 items').first())
      .first()
      .waitFor();
    await dialog().getByLabel('Type').fill('mixed');
    await console.expectAccessible();
    await page.keyboard.press('Enter');
    await dialog().getByText('10 of 10 items').waitFor();
    await closeDialog();
    await page.getByText('No such items.').waitFor();
    await press('Clear the search');
    await status('20 found');
  });

  test('that a stuck consumer holds go back to the queue', async () => {
    await createQueue(client, 'stuck');
    await produce(client, 'stuck', [{ utf8: '1' }, { utf8: '2' }]);
    const ids = await lease(client, 'stuck', 2);
    await console.goTo('queues/stuck/items?state=leased');
    await page.getByRole('link', { name: ids[1] ?? '' }).waitFor();
    const move = page.getByRole('button', { name: 'Move…' });
    expect(await move.getAttribute('title')).toContain('cannot be moved');
    await press('End the leases of the 2 shown…');
    await dialog().getByLabel('Type').fill('stuck');
    await press('End 2 leases');
    await told('2 leases ended.');
    await page.getByText('No such items.').waitFor();
    expect((await lease(client, 'stuck', 2)).length).toBe(2);
    await press('Read again');
    await status('2 found');
    await press('End the leases found…');
    await press('Count them');
    await dialog().getByText('2 items of stuck go back to the queue at once').waitFor();
    await dialog().getByLabel('Type').fill('stuck');
    await console.expectAccessible();
    await press('End the leases of 2 items');
    await dialog().getByText('2 of 2 items').waitFor();
    await closeDialog();
    expect((await lease(client, 'stuck', 2)).length).toBe(2);
  });

  test('that are scheduled become available before their time', async () => {
    await createQueue(client, 'planned');
    const enqueueAt = { seconds: Math.floor(Date.now() / 1_000) + 86_400, nanos: 0 };
    await produce(client, 'planned', [
      { utf8: '1', kind: 'report', enqueueAt },
      { utf8: '2', kind: 'other', enqueueAt },
    ]);
    await console.goTo('queues/planned/items');
    const make = page.getByRole('button', { name: 'Make available…' });
    expect(await make.getAttribute('title')).toContain('Choose the state “scheduled”');
    await page.getByRole('link', { name: 'scheduled' }).click();
    await page.getByLabel('Kind').fill('report');
    await page.keyboard.press('Enter');
    await status('1 found');
    await make.click();
    await press('Count them');
    await dialog().getByText('1 item of planned go').waitFor();
    await dialog().getByLabel('Type').fill('planned');
    await press('Make 1 item available');
    await dialog().getByText('1 of 1 items').waitFor();
    await closeDialog();
    expect((await lease(client, 'planned', 2)).length).toBe(1);
  });
});

describe('an item', () => {
  test('shows a hostile payload of 5 MB, names and metadata as text, and saves it whole', async () => {
    await createQueue(client, 'hostile');
    const script = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const text = script + 'x'.repeat(4_900_000);
    const names = { kind: script, reference: 'a\u202Etxt.exe', encoding: 'x"><b>' };
    const metadata = new Map([['\u2066<key>', script]]);
    const [id = ''] = await produce(client, 'hostile', [{ utf8: text, ...names, metadata }]);
    await console.goTo('queues/hostile/items');
    await page.getByText('aU+202Etxt.exe').waitFor();
    await page.getByRole('link', { name: id }).click();
    await page.getByText('This is the beginning. The download has all of it.').waitFor();
    await page.getByText('U+2066<key>').waitFor();
    for (const view of ['JSON', 'Protobuf', 'Hex', 'Text'])
      await page.getByRole('radio', { name: view }).check();
    const saved = page.waitForEvent('download');
    await press('Download');
    expect((await readFile(await (await saved).path())).toString()).toBe(text);
    expect(await page.locator('main img, main script, main b').count()).toBe(0);
    expect(await page.title()).toBe(`Item ${id} · Querator`);
    expect(await console.overflow()).toBe(0);
  });

  test('shows numbers with all of their digits, and protobuf fields', async () => {
    await createQueue(client, 'formats');
    const items = [
      { utf8: '{"amount":12345678901234567890.10}' },
      { bytes: new Uint8Array([8, 150, 1, 18, 3, 97, 98, 99]), encoding: 'application/protobuf' },
    ];
    const [json, protobuf] = await produce(client, 'formats', items);
    await console.goTo(`queues/formats/items/${json}`);
    await page.getByText('"amount": 12345678901234567890.10').waitFor();
    await console.goTo(`queues/formats/items/${protobuf}`);
    await page.getByText('varint').waitFor();
    await page.getByText('150', { exact: true }).waitFor();
    await console.expectAccessible();
  });

  test('has its lease ended, is found again by its first id, moved and deleted', async () => {
    await createQueue(client, 'from');
    await createQueue(client, 'to');
    const [id = ''] = await produce(client, 'from', [{ utf8: '1' }]);
    await lease(client, 'from', 1);
    await console.goTo(`queues/from/items/${id}`);
    await press('End its lease…');
    await press('End the lease');
    await told('Its lease has ended.');
    await page.getByRole('link', { name: 'Look for it in this queue by its first id' }).click();
    await page.locator('tbody a.id').click();
    await page.getByText('waiting').waitFor();
    await press('Move…');
    await dialog().getByLabel('To the queue').fill('to');
    await press('Count them');
    await press('Move 1 item');
    await dialog().getByText('1 of 1 items').waitFor();
    await closeDialog();
    await console.goTo(`queues/to/items?first_id=${id}`);
    await page.locator('tbody a.id').click();
    await press('Delete…');
    await press('Delete 1 item');
    await told('The item is deleted.');
    await page.getByText('No such items.').waitFor();
  });

  test('that died is followed to its dead letter, and back to where it came from', async () => {
    await createQueue(client, 'way-dead');
    await createQueue(client, 'way', 'way-dead');
    const [id = ''] = await produce(client, 'way', [{ utf8: '1' }]);
    await killItems(client, 'way', { count: 1, error: 'no such customer' });
    await console.goTo(`queues/way/items/${id}`);
    await page.getByRole('link', { name: 'see its dead letter' }).click();
    await page.getByText('no such customer').waitFor();
    await page.getByRole('link', { name: 'Its way through queues' }).click();
    await page.getByText('where it died').waitFor();
    await page.getByText('It is not there.').waitFor();
    await page.locator('tbody a.id').waitFor();
    await console.expectAccessible();
    await page.getByRole('link', { name: 'Item', exact: true }).click();
    await press('Redrive…');
    await press('Count them');
    await press('Redrive 1 letter');
    await dialog().getByText('1 of 1 letters').waitFor();
    await closeDialog();
    await page.getByText('way-dead holds no item with this id.').waitFor();
    await console.goTo(`queues/way/items?first_id=${id}`);
    await page.locator('tbody a.id').waitFor();
  });
});

describe('a key with few permissions', () => {
  test('sees no ids of leased items, and what it cannot do and why', async () => {
    await createQueue(client, 'shy');
    await produce(client, 'shy', [{ utf8: '1' }, { utf8: '2', reference: 'free' }]);
    await lease(client, 'shy', 1);
    const admin = { url: site.server.url, key: KEY };
    const { id: user_id } = await callApi(admin, 'v1/users.create', { username: 'watcher' });
    const { key = '' } = await callApi(admin, 'v1/apikeys.create', { user_id });
    const role = {
      namespace: '_system',
      name: 'Watcher',
      permissions: ['queue.list', 'queue.stats'],
    };
    await callApi(admin, 'v1/roles.create', role);
    await callApi(admin, 'v1/rolebindings.create', { namespace: '_system', role_name: 'Watcher', user_id });
    const watcher = await ConsolePage.open(browser, site.url);
    await watcher.signIn(key, { write: true });
    await watcher.goTo('queues/shy/items');
    const { page } = watcher;
    await page.getByRole('button', { name: 'id hidden' }).click();
    await page.getByRole('dialog').getByText('queue.complete').waitFor();
    await watcher.expectAccessible();
    await page.keyboard.press('Escape');
    const end = page.getByRole('button', { name: /End the leases/ });
    expect(await end.getAttribute('title')).toContain('queue.complete');
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Count them' }).click();
    await page.getByRole('alert').getByText('It takes the permission queue.clear').waitFor();
    await watcher.close();
  });
});
