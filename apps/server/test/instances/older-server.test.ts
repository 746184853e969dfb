import { createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Composition, compose } from '../../src/compose.ts';
import { configFor } from '../support/test-server.ts';
import { type OlderServer, startOlderServer } from './support/older-server.ts';

const WAIT_OPTIONS = { timeout: 30_000, interval: 50 };
/** Every server of this version has it. */
const CAPABILITY = 'instances.list';

describe('a server of an older version on the same database', { timeout: 90_000 }, () => {
  let database: TestDatabase;
  let older: OlderServer | undefined;
  let newer: Composition;
  let warnings: string[];

  beforeEach(async () => {
    database = await createTestDatabase();
    warnings = [];
    newer = compose(configFor(database.connectionString), {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    });
  });
  afterEach(async () => {
    await older?.stop();
    older = undefined;
    await newer.stop();
    await database.drop();
  });

  const list = () =>
    createClient({
      endpoint: 'http://in.process',
      fetch: async (url, init) => newer.app.fetch(new Request(url, init), {}),
    }).v2.instances.list({});

  const require = async () => newer.instances.require(CAPABILITY);

  /** The older server is listed, and what it does not know is refused. */
  async function expectNoticed(): Promise<void> {
    const described = expect.stringMatching(/^database session \d+ \(older-server, /);
    expect((await list()).unrecorded).toEqual([{ id: expect.any(String), description: described }]);
    await expect(require()).rejects.toMatchObject({
      ...{ code: 'retry', reason: 'unavailable' },
      message: expect.stringMatching(
        /^'instances\.list' is unavailable; stop or upgrade the server of 'database session \d+'/,
      ),
    });
    expect(warnings).toEqual([
      'a server of an older version uses the same database; what it does not know is refused',
    ]);
  }

  // The first request waits until older servers had the time to answer.
  test('is noticed by the first request of a newer one', async () => {
    older = await startOlderServer(database.connectionString, 'older-server');
    await newer.start();
    await expect(require()).rejects.toMatchObject({ reason: 'unavailable' });
    await expectNoticed();
  });

  test('is noticed when it starts later, and holds nothing up once it has ended', async () => {
    await newer.start();
    await require();
    expect((await list()).complete).toBe(true);
    older = await startOlderServer(database.connectionString, 'older-server');
    await vi.waitFor(async () => expect((await list()).unrecorded).toHaveLength(1), WAIT_OPTIONS);
    await expectNoticed();
    await older.stop();
    await vi.waitFor(async () => expect((await list()).unrecorded).toEqual([]), WAIT_OPTIONS);
    await require();
  });
});
