import { type Client, createClient } from '@querator/client';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';

const SETTINGS = { leaseTimeout: '1m', expireTimeout: '24h', requestedPartitions: 1 };
const COUNT = 120;

let browser: Browser;
let site: ConsoleSite;
let client: Client;
let console: ConsolePage;

beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({});
  client = createClient({ endpoint: site.server.url });
  const names = Array.from({ length: COUNT }, (_, at) => `queue-${String(at).padStart(3, '0')}`);
  for (const queueName of names) await client.queues.create({ ...SETTINGS, queueName });
  await client.queue.produce({
    queueName: 'queue-077',
    requestTimeout: '10s',
    items: [{ utf8: 'a' }, { utf8: 'b' }],
  });
  console = await ConsolePage.open(browser, site.url);
});

afterAll(async () => {
  await console?.close();
  await browser?.close();
  await site?.stop();
});

const names = () => console.page.getByRole('rowheader').allTextContents();

test('queues are gone through page by page, and each is there once', async () => {
  await console.goTo('queues');
  const { page } = console;
  await page.getByText(`${COUNT} queues`).waitFor();
  const seen = await names();
  while ((await page.getByRole('link', { name: 'Next page' }).count()) > 0) {
    const last = seen.at(-1) ?? '';
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.getByRole('rowheader', { name: last }).waitFor({ state: 'detached' });
    await page.getByRole('rowheader').first().waitFor();
    seen.push(...(await names()));
  }
  expect(seen).toHaveLength(COUNT);
  expect(new Set(seen).size).toBe(COUNT);
  await page.getByRole('link', { name: 'Previous page' }).click();
  await page.getByRole('rowheader', { name: seen[50] ?? '' }).waitFor();
  await page.getByRole('link', { name: 'First page' }).click();
  await page.getByRole('rowheader', { name: 'queue-000' }).waitFor();
});

test('the fullest queue comes first, and the filter finds names by a part', async () => {
  const { page } = console;
  await page.clock.install();
  await console.goTo('queues?sort=-waiting');
  await expect
    .poll(
      async () => {
        await page.clock.fastForward(6_000);
        return (await names())[0];
      },
      { timeout: 8_000 },
    )
    .toBe('queue-077');
  const header = page.getByRole('columnheader', { name: 'Waiting', exact: true });
  expect(await header.getAttribute('aria-sort')).toBe('descending');
  await page.getByRole('button', { name: 'Waiting', exact: true }).click();
  await page.waitForURL(/sort=waiting/);
  expect(await header.getAttribute('aria-sort')).toBe('ascending');
  await page.getByLabel('Name contains').fill('UE-07');
  await page.clock.fastForward(1_000);
  await page.getByText('10 queues match').waitFor();
  expect(page.url()).toContain('filter=UE-07');
  await console.expectAccessible();
});

test('without access control changes are off too, until somebody switches them on', async () => {
  const { page } = console;
  await console.goTo('queues');
  await page.getByText('no access control').waitFor();
  expect(await page.getByRole('button', { name: 'Create a queue…' }).getAttribute('aria-disabled')).toBe(
    'true',
  );
  await console.allowChanges();
  await page.getByRole('button', { name: 'Create a queue…' }).click();
  await page.getByLabel('Name', { exact: true }).fill('made-here');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'made-here' }).waitFor();
  expect((await client.queues.info({ queueName: 'made-here' })).leaseTimeout).toBe('1m0s');
});

test('settings are saved only if nobody else has changed them since they were read', async () => {
  const { page } = console;
  const settings = { ...SETTINGS, queueName: 'queue-001' };
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const edit = async () => {
    await console.goTo('queues/queue-001?tab=settings');
    await press('Edit the settings…');
    await page.getByLabel('Max attempts').fill('5');
    await press('Preview the changes');
  };
  await edit();
  await client.queues.update({ ...settings, reference: 'theirs' });
  await press('Save the changes');
  await page.getByRole('alert').getByText('Somebody has changed the settings').waitFor();
  const read = () => client.queues.info({ queueName: 'queue-001' });
  expect(await read()).toMatchObject({ maxAttempts: 0, reference: 'theirs' });
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await console.goTo('queues');
  await edit();
  // Not a change of the settings.
  await client.v2.queues.pause({ queueName: 'queue-001', lease: true });
  await press('Save the changes');
  await page.getByText('The settings of queue-001 are changed.').waitFor();
  expect(await read()).toMatchObject({ maxAttempts: 5, reference: 'theirs' });
});
