import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { ADMIN_KEY, ENFORCED } from '../access/support/access-server.ts';
import { configFor } from '../support/test-server.ts';
import { Browser } from './support/browser.ts';

describe('two servers on one database', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  const servers: RunningServer[] = [];

  const start = async (settings: object = {}) => {
    const config = configFor(database.connectionString, { ...ENFORCED, ...settings });
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const server = await startServer(config, deps);
    servers.push(server);
    return server.url;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await database.drop();
  });

  test('take the sessions of each other, whoever made the key', async () => {
    const urls = [await start(), await start()];
    const browsers = [new Browser(), new Browser()];
    await Promise.all(browsers.map((browser, nth) => browser.logIn(urls[nth] ?? '', ADMIN_KEY)));
    for (const browser of browsers) {
      for (const url of urls) {
        expect(await browser.post(url, '/v1/queues.list')).toMatchObject({ status: 200 });
      }
    }
    // The key outlives the servers.
    const later = await start();
    expect(await browsers[0]?.post(later, '/v1/queues.list')).toMatchObject({ status: 200 });
    const withAnotherKey = await start({ console: { 'session-key': 'k'.repeat(32) } });
    expect(await browsers[0]?.post(withAnotherKey, '/v1/queues.list')).toMatchObject({ status: 401 });
  });
});
