import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readReply } from '../support/test-server.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** Set by `pnpm test:cluster`, which runs this test: it takes minutes. */
const QUEUES = Number(process.env['QUERATOR_IDLE_QUEUES']);
/** A server serves 1,000 connections at a time. The test keeps some of them for its other requests. */
const CONSUMERS_PER_SERVER = 900;
/** Longer than any poll interval of servers that listen. */
const WINDOW_MS = 13_000;
/** "A few statements a second", whatever the number of queues and consumers. */
const MOST_PER_SECOND = 10;

let processes: ServerProcesses | undefined;

afterEach(() => processes?.stop(), 60_000);

/** Runs a limited number of calls at a time. */
async function many(count: number, atOnce: number, call: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

describe(`waiting consumers of ${QUEUES} queues`, { timeout: 300_000 + QUEUES * 300 }, () => {
  test.each([1, 2])('cost the database a few statements a second, %i servers', async (instances) => {
    processes = await ServerProcesses.start({ count: instances });
    const servers = processes;
    const client = new pg.Client({ connectionString: servers.database.connectionString });
    await client.connect();
    const statements = async (): Promise<number> => {
      const { rows } = await client.query(
        'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
      );
      return Number(rows[0].count);
    };
    const nameOf = (n: number) => `queue-${n}`;
    await many(QUEUES, 8, (n) => servers.create(n % instances, nameOf(n), { lease_timeout: '5s' }));
    // All of them have been active.
    await many(QUEUES, 8, async (n) => {
      const queue_name = nameOf(n);
      const instance = (n + 1) % instances;
      const items = [{ utf8: 'a' }, { utf8: 'b' }];
      await servers.ask(instance, 'queue.produce', { queue_name, request_timeout: '10s', items });
      const { json } = await servers.ask(n % instances, 'queue.lease', {
        ...{ queue_name, batch_size: 2, client_id: 'first', request_timeout: '10s' },
      });
      const ids = json.items.map(({ id }: { id: string }) => id);
      await servers.ask(instance, 'queue.complete', { queue_name, ids, request_timeout: '10s' });
    });
    const consumers = Math.min(QUEUES, instances * CONSUMERS_PER_SERVER);
    const waiting = Array.from({ length: consumers }, (_, n) =>
      fetch(`${servers.urlOf(n % instances)}/v1/queue.lease`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          ...{ queue_name: nameOf(n), batch_size: 1, client_id: 'waits', request_timeout: '10m' },
        }),
      }).then(readReply),
    );
    const replies = Promise.all(waiting);
    // If the test fails before, nothing awaits these promises.
    replies.catch(() => {});
    /** The number of waiting consumers in the servers' metrics. */
    const waitingNow = async () => {
      const texts = await Promise.all(
        servers.urls.map(async (url) => (await fetch(`${url}/metrics`)).text()),
      );
      const counts = texts.flatMap((text) => [
        ...text.matchAll(/^querator_requests_waiting\{.*operation="lease".*\} (\d+)$/gm),
      ]);
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await vi.waitFor(async () => expect(await waitingNow()).toBe(consumers), {
      timeout: 60_000,
      interval: 100,
    });
    let perSecond = Number.POSITIVE_INFINITY;
    await vi.waitFor(
      async () => {
        const before = await statements();
        await delay(WINDOW_MS);
        perSecond = ((await statements()) - before) / (WINDOW_MS / 1_000);
        expect(perSecond).toBeLessThan(MOST_PER_SECOND);
      },
      { timeout: 200_000, interval: 100 },
    );
    process.stdout.write(
      `${QUEUES} queues, ${instances} servers: ${perSecond.toFixed(1)} statements a second\n`,
    );
    // They waited all the time, and get an item at once.
    expect(await waitingNow()).toBe(consumers);
    await many(consumers, 8, (n) =>
      servers.ask((n + 1) % instances, 'queue.produce', {
        ...{ queue_name: nameOf(n), request_timeout: '10s', items: [{ utf8: `item ${n}` }] },
      }),
    );
    for (const [n, reply] of (await replies).entries()) {
      expect(reply.status, reply.text).toBe(200);
      expect(Buffer.from(reply.json.items[0].bytes, 'base64').toString()).toBe(`item ${n}`);
    }
    await client.end();
  });
});
