import { type Client, createClient } from '@querator/client';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../launch-chromium.ts';
import { ConsolePage } from './console-page.ts';
import { type ConsoleSite, startConsole } from './console-site.ts';
import { seedQueues } from './seed-queues.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;

let browser: Browser;
let cluster: Cluster;
let site: ConsoleSite;
let client: Client;

beforeAll(async () => {
  [browser, cluster] = await Promise.all([launchChromium(), startTemporaryCluster()]);
  site = await startConsole({
    'auth-backend': { driver: 'internal', 'admin-key': KEY },
    audit: { table: true },
    'partition-storage': [
      {
        name: 'pg',
        driver: 'postgres',
        affinity: 1,
        config: { 'connection-string': cluster.connectionString('postgres') },
      },
    ],
  });
  client = createClient({ endpoint: site.server.url, apiKey: KEY });
  await seedQueues(client);
});

afterAll(async () => {
  await browser?.close();
  await site?.stop();
  await cluster?.stop();
});

test('every screen works on PostgreSQL, and says in words when the database is gone and back', async () => {
  const console = await ConsolePage.open(browser, site.url);
  const { page } = console;
  await page.clock.install();
  await console.signIn(KEY, { write: true });
  for (const address of ['queues', 'schedules', 'storages', 'access', 'access?tab=bindings', 'audit']) {
    await console.goTo(address);
    await console.settle();
    expect([address, await page.getByRole('status').allTextContents()]).toEqual([address, []]);
  }
  await console.goTo('queues/orders');
  await page.getByText('20', { exact: true }).first().waitFor();

  await cluster.halt();
  await console.goTo('audit?action=queues.create');
  await page.getByText('The server cannot say this now.').waitFor();
  await page.getByText('The page tries again by itself').waitFor();
  await console.expectAccessible();

  await cluster.start();
  await expect
    .poll(
      async () => {
        await page.clock.fastForward(5_000);
        return page.getByText('The server cannot say this now.').count();
      },
      { timeout: 20_000 },
    )
    .toBe(0);
  await page.getByRole('rowheader', { name: 'queues.create' }).first().waitFor();
  await console.close();
});
