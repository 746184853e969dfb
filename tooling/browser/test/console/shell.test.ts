import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { callApi } from './call-api.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

/** Longer than the page waits before it asks again. */
const LONG_MS = 20_000;

let browser: Browser;
let site: ConsoleSite;
let open: ConsoleSite;
let console: ConsolePage;

beforeAll(async () => {
  browser = await launchChromium();
  site = await startConsole({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
  open = await startConsole({});
});

afterAll(async () => {
  await browser?.close();
  await site?.stop();
  await open?.stop();
});

beforeEach(async () => {
  console = await ConsolePage.open(browser, site.url);
});

afterEach(async () => {
  site.answer();
  await console.close();
});

test('a person signs in, switches changes on and off, and signs out', async () => {
  await console.signIn(KEY);
  const { page } = console;
  const changes = page.getByRole('switch', { name: 'Changes' });
  expect(await changes.getAttribute('aria-checked')).toBe('false');
  await console.allowChanges();
  await page.reload();
  await page.getByRole('switch', { name: 'Changes', checked: true }).waitFor();
  await changes.click();
  await page.getByRole('switch', { name: 'Changes', checked: false }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
});

test('a wrong key is refused in words, and nothing of it stays in the address', async () => {
  await console.page.goto(console.url);
  await console.page.getByLabel('API key').fill('wrong');
  await console.page.keyboard.press('Enter');
  await console.page.getByRole('alert').waitFor();
  expect(console.page.url()).not.toContain('wrong');
});

test('without access control there is nothing to sign in to', async () => {
  const page = await ConsolePage.open(browser, open.url);
  await page.goTo('storages');
  await page.page.getByText('no access control').waitFor();
  await page.close();
});

test('a session that ends in the middle asks for a key, and goes on in the same place', async () => {
  await console.page.clock.install();
  const admin = { url: site.server.url, key: KEY };
  const { items = [] } = await callApi<{ items: { id: string }[] }>(admin, 'v1/users.list', {});
  const made = await callApi(admin, 'v1/apikeys.create', { user_id: items[0]?.id ?? '' });
  await console.signIn(made['key'] ?? '');
  await console.goTo('storages?tab=none');
  await console.page.getByText('answers you').waitFor();
  await callApi(admin, 'v1/apikeys.delete', { id: made['id'] });
  await console.page.clock.fastForward(LONG_MS);
  await console.page.getByRole('dialog', { name: 'The session has ended' }).waitFor();
  await console.expectAccessible();
  await console.page.keyboard.press('Escape');
  await console.page.getByRole('dialog').getByLabel('API key').fill(KEY);
  await console.page.keyboard.press('Enter');
  await console.page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(console.page.url()).toContain('#/storages?tab=none');
  expect(await console.heading().textContent()).toBe('Storages and servers');
});

test('a server that is gone is said in words over the old data, and its return is noticed', async () => {
  await console.page.clock.install();
  await console.signIn(KEY);
  await console.goTo('storages');
  await console.page.getByText('answers you').waitFor();
  site.hang();
  await console.page.clock.fastForward(LONG_MS);
  await console.page.getByText('The server does not answer.').first().waitFor();
  expect(await console.page.getByText('answers you').isVisible()).toBe(true);
  await console.expectAccessible();
  site.answer();
  await console.page.clock.fastForward(LONG_MS);
  await console.page.getByText('The server does not answer.').first().waitFor({ state: 'detached' });
});

test('an address without a screen says so', async () => {
  await console.signIn(KEY);
  await console.goTo('nowhere/%zz');
  expect(await console.heading().textContent()).toBe('Not found');
});

describe('by keyboard', () => {
  test('the first stop leads past the navigation, and links move the focus to the heading', async () => {
    await console.signIn(KEY);
    await console.goTo('nowhere');
    const { page } = console;
    await page.reload();
    await console.heading().waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.getByRole('link', { name: 'Storages' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.textContent === 'Storages and servers');
  });
});

test.each([
  ['light, 1,280 pixels', {}],
  ['dark, 390 pixels', { dark: true, narrow: true }],
])(
  '%s: axe finds nothing where a key is asked for, and it is not wider than the page',
  async (_, options) => {
    const page = await ConsolePage.open(browser, site.url, options);
    await page.page.goto(page.url);
    await page.heading().waitFor();
    await page.expectAccessible();
    expect(await page.overflow()).toBe(0);
    await page.close();
  },
);
