import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { endpointsV2, queueEndpoints } from '@querator/protocol';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { ENFORCED } from '../access/support/access-server.ts';
import { configFor } from '../support/test-server.ts';
import {
  call,
  leaseOf,
  produceOf,
  setQuota,
  type TenantWithQueue,
  tenantWithQueue,
} from './support/quota-server.ts';

const SERVERS = 3;

/**
 * Three servers on one database. The clock of rates and samples stands still, so that
 * each of them allows its share of one second and no more.
 */
describe('three servers on one database', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let servers: RunningServer[] = [];
  let nowMs = 1_000;

  beforeAll(async () => {
    database = await createTestDatabase();
    const start = () =>
      startServer(configFor(database.connectionString, ENFORCED), {
        clock: new SystemClock(),
        random: new SystemRandom(),
        logger: silentLogger,
        monotonicClock: () => nowMs,
      });
    for (let n = 0; n < SERVERS; n++) servers.push(await start());
    // Each learns of the others.
    for (const server of servers) {
      await vi.waitFor(
        async () => expect((await usageOf(server, { namespace: '_system' })).processes).toBe(SERVERS),
        {
          timeout: 20_000,
        },
      );
    }
  }, 60_000);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
    await database.drop();
  });

  const first = () => servers[0] as RunningServer;
  const usageOf = async (server: RunningServer, subject: object) =>
    (await call(server, endpointsV2.quotas.get, subject)).body.usage;

  /** Moves the clock, and waits until every server has read its access control at that time. */
  async function pass(ms: number): Promise<void> {
    nowMs += ms;
    for (const server of servers) {
      while ((await call(server, endpointsV2.server.info, {})).status !== 200);
    }
  }

  /** A tenant with limits that every server knows. */
  async function limited(limits: Record<string, number>): Promise<TenantWithQueue> {
    const tenant = await tenantWithQueue(first());
    await setQuota(first(), { namespace: tenant.namespace, limits });
    for (const server of servers) {
      await vi.waitFor(
        async () => {
          const { body } = await call(server, endpointsV2.quotas.get, { namespace: tenant.namespace });
          expect(body.limits).toEqual(limits);
        },
        { timeout: 5_000 },
      );
    }
    return tenant;
  }

  /** Calls every server in turn until each has refused. @returns how many calls were served. */
  async function serveAll(
    ask: (server: RunningServer) => Promise<{ readonly status: number }>,
  ): Promise<number> {
    let served = 0;
    const asked = new Set(servers);
    while (asked.size > 0) {
      for (const server of asked) {
        if ((await ask(server)).status === 200) served++;
        else asked.delete(server);
      }
    }
    return served;
  }

  test('allow the requests of one second, and then the rate', async () => {
    const { queue, key } = await limited({ requests_per_second: 60 });
    const produce = (server: RunningServer) =>
      call(server, queueEndpoints.produce, produceOf(queue), { key });
    let served = await serveAll(produce);
    expect(served).toBe(60);
    for (let tenths = 0; tenths < 10; tenths++) {
      await pass(100);
      served += await serveAll(produce);
    }
    // In one second: its own requests, and those of one second more.
    expect(served).toBe(120);
  });

  test('allow the items of one second', async () => {
    const { queue, key } = await limited({ items_per_second: 90 });
    const produce = (server: RunningServer) =>
      call(server, queueEndpoints.produce, produceOf(queue, 10), { key });
    expect(await serveAll(produce)).toBe(9);
  });

  test('share waiting consumers', async () => {
    const { namespace, queue, key } = await limited({ waiting_consumers: 7 });
    const waiting: Promise<unknown>[] = [];
    for (const server of servers) {
      for (let n = 0; n < 2; n++) {
        waiting.push(call(server, queueEndpoints.lease, leaseOf(queue, 1, '1m'), { key }));
        while ((await usageOf(server, { namespace })).waiting_consumers !== n + 1);
      }
      expect(await call(server, queueEndpoints.lease, leaseOf(queue), { key })).toMatchObject({
        status: 429,
      });
    }
    await call(first(), queueEndpoints.produce, produceOf(queue, 6));
    expect(await Promise.all(waiting)).toMatchObject(Array.from({ length: 6 }, () => ({ status: 200 })));
  });

  test('see what the others have stored after a sample', async () => {
    const { queue, key } = await limited({ items_waiting: 10 });
    await pass(30_001);
    const [one, two, three] = servers as [RunningServer, RunningServer, RunningServer];
    const produce = (server: RunningServer, items: number) =>
      call(server, queueEndpoints.produce, produceOf(queue, items), { key });
    expect(await produce(one, 6)).toMatchObject({ status: 200 });
    // A sample of more than 30 s ago does not count.
    expect(await produce(two, 5)).toMatchObject({ status: 454 });
    expect(await produce(two, 4)).toMatchObject({ status: 200 });
    expect(await produce(three, 1)).toMatchObject({ status: 454 });
    expect(await produce(one, 1)).toMatchObject({ status: 200 });
    await pass(1_001);
    // The item beyond the limit is what the second server stored since the sample of the first.
    for (const server of servers) {
      await vi.waitFor(async () => expect(await produce(server, 1)).toMatchObject({ status: 454 }), {
        timeout: 5_000,
      });
    }
  });
});
