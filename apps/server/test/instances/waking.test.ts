import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServerProcesses } from './support/server-processes.ts';

/** How often each cause is measured. `pnpm test:cluster` does it a hundred times. */
const TIMES = Number(process.env['QUERATOR_WAKINGS'] ?? 2);
const [HERE, THERE] = [0, 1];
/** A consumer certainly waits after this time. Only the measured times depend on it. */
const SETTLE_MS = 60;
const AHEAD_MS = 300;

describe.each([
  // Servers that listen also poll every 7 s, which may serve one by chance, and not two in a row.
  { what: 'with LISTEN', maxConns: 5, patienceMs: 5_000 },
  // A pool of one connection has none for LISTEN.
  { what: 'without LISTEN', maxConns: 1, patienceMs: 14_000 },
])(
  'a consumer that waits at another instance, $what',
  { timeout: 60_000 + TIMES * 10_000 },
  ({ what, maxConns, patienceMs }) => {
    let both: ServerProcesses;

    beforeAll(async () => {
      both = await ServerProcesses.start({ count: 2, maxConns });
      for (const name of ['produced', 'due']) await both.create(HERE, name);
      // Its last item is given back after all others were measured, which takes a second each without LISTEN.
      await both.create(HERE, 'retried', { lease_timeout: '1h' });
      await both.create(HERE, 'expired', { lease_timeout: `${AHEAD_MS}ms` });
      // The queues are active at both, and both know of each other.
      for (const queue_name of ['produced', 'retried', 'due', 'expired']) {
        for (const instance of [HERE, THERE]) await both.ask(instance, 'queue.stats', { queue_name });
      }
      await delay(maxConns > 1 ? 1_000 : 0);
    }, 60_000);
    afterAll(() => both?.stop());

    const produce = (queue_name: string, rest: object = {}) =>
      both.ask(THERE, 'queue.produce', {
        ...{ queue_name, request_timeout: '10s', items: [{ utf8: 'x', ...rest }] },
      });
    /** @param aheadMs the time until an item is available. */
    async function lease(instance: number, queue_name: string, aheadMs = 0) {
      const client_id = `client-${Math.random()}`;
      const { json } = await both.ask(instance, 'queue.lease', {
        ...{ queue_name, client_id, batch_size: 1, request_timeout: `${SETTLE_MS + aheadMs + patienceMs}ms` },
      });
      expect(json.items).toHaveLength(1);
      return { id: json.items[0].id as string, at: Date.now() };
    }
    const complete = (instance: number, queue_name: string, id: string) =>
      both.ask(instance, 'queue.complete', { queue_name, ids: [id], request_timeout: '10s' });

    /** The time from the instant that `makeAvailable` returns until a consumer at another instance gets the item. */
    async function measure(
      queue_name: string,
      makeAvailable: () => Promise<number>,
      aheadMs = 0,
    ): Promise<void> {
      const tookMs: number[] = [];
      for (let n = 0; n < TIMES; n++) {
        const waiting = lease(HERE, queue_name, aheadMs);
        await delay(SETTLE_MS);
        const availableAt = await makeAvailable();
        const { id, at } = await waiting;
        tookMs.push(at - availableAt);
        await complete(HERE, queue_name, id);
      }
      tookMs.sort((a, b) => a - b);
      const [median, worst] = [tookMs[Math.floor(TIMES / 2)], tookMs.at(-1)];
      process.stdout.write(
        `${queue_name}, ${what}: median ${median} ms, at most ${worst} ms (${TIMES} times)\n`,
      );
    }

    test('gets an item that is produced', async () => {
      await measure('produced', async () => {
        await produce('produced');
        return Date.now();
      });
    });

    test('gets an item that is retried', async () => {
      await produce('retried');
      for (let n = 0; n < TIMES; n++) await produce('retried');
      const held: string[] = [];
      for (let n = 0; n <= TIMES; n++) held.push((await lease(THERE, 'retried')).id);
      await measure('retried', async () => {
        await both.ask(THERE, 'queue.retry', { queue_name: 'retried', items: [{ id: held.pop() }] });
        return Date.now();
      });
    });

    test('gets an item that comes due', async () => {
      const schedule = async () => {
        const dueAt = Date.now() + AHEAD_MS;
        await produce('due', { enqueue_at: new Date(dueAt).toISOString() });
        return dueAt;
      };
      await measure('due', schedule, AHEAD_MS);
    });

    test('gets an item whose lease ends', async () => {
      await produce('expired');
      const { id } = await lease(THERE, 'expired');
      await vi.waitFor(() => complete(THERE, 'expired', id), { timeout: 5_000 });
      for (let n = 0; n < TIMES; n++) {
        await produce('expired');
        const { at } = await lease(THERE, 'expired');
        const taken = await lease(HERE, 'expired', AHEAD_MS);
        await complete(HERE, 'expired', taken.id);
        process.stdout.write(`expired, ${what}: ${taken.at - at - AHEAD_MS} ms\n`);
      }
    });
  },
);

describe('notifications', { timeout: 60_000 }, () => {
  let both: ServerProcesses;

  beforeAll(async () => {
    both = await ServerProcesses.start({ count: 2 });
  }, 60_000);
  afterAll(() => both?.stop());

  test('are few, whatever number of items is produced, and none is part of a produce', async () => {
    const client = new pg.Client({ connectionString: both.database.connectionString });
    await client.connect();
    onTestFinished(() => client.end());
    const heard: { readonly from: string; readonly pid: number }[] = [];
    client.on('notification', ({ payload = '', processId }) => {
      if (payload.startsWith('t')) heard.push({ from: payload.slice(1, 9), pid: processId });
    });
    await client.query('LISTEN querator');
    // Each producer has its own queue, so that every produce is a statement with its own change.
    const producers = Array.from({ length: 12 }, (_, n) => ({ instance: n % 2, queue_name: `of-${n}` }));
    for (const { instance, queue_name } of producers) await both.create(instance, queue_name);
    const produce = ({ instance, queue_name }: { instance: number; queue_name: string }) =>
      both.ask(instance, 'queue.produce', { queue_name, request_timeout: '10s', items: [{ utf8: 'x' }] });
    // Notifications are sent only once both know of each other.
    await vi.waitFor(
      async () => {
        await Promise.all(producers.map(produce));
        expect(new Set(heard.map(({ from }) => from)).size).toBe(2);
      },
      { timeout: 20_000 },
    );
    heard.length = 0;
    const start = performance.now();
    const each = 50;
    const count = each * producers.length;
    await Promise.all(
      producers.map(async (producer) => {
        for (let n = 0; n < each; n++) await produce(producer);
      }),
    );
    const spans = (performance.now() - start) / 20;
    await client.query('SELECT 1');
    // At most one from each process in 20 ms. On a slow machine, at least fewer than one per produce.
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.length).toBeLessThanOrEqual(Math.min(2 * spans + 4, 0.9 * count));
    // All of them use connections that never produce.
    const pids = [...new Set(heard.map(({ pid }) => pid))];
    const { rows } = await client.query<{ application_name: string; query: string }>(
      'SELECT application_name, query FROM pg_stat_activity WHERE pid = ANY ($1::int[]) ORDER BY 1',
      [pids],
    );
    expect(rows).toEqual(
      ['instance-0', 'instance-1'].map((application_name) => ({
        application_name,
        query: expect.stringMatching(/^SELECT .*pg_notify\(\$1, \$2\)$/),
      })),
    );
  });
});
