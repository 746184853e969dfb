import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE as PATIENCE } from '../support/server-program.ts';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often an instance is suspended and resumed. `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_PAUSES'] ?? 1);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Longer than the leases, and long enough for a process to notice that it was suspended. */
const PAUSE_MS = 4_000;
const [SLEEPER, AWAKE] = [0, 1];

let both: ServerProcesses;

beforeAll(async () => {
  both = await ServerProcesses.start({ count: 2 });
}, 60_000);
afterAll(() => both?.stop());

const produce = (instance: number, queue_name: string, texts: readonly string[]) =>
  both.ask(instance, 'queue.produce', {
    ...{ queue_name, request_timeout: '10s', items: texts.map((utf8) => ({ utf8 })) },
  });

async function lease(instance: number, queue_name: string, batch_size = 10, request_timeout = '14s') {
  const client_id = `client-${Math.random()}`;
  const { json } = await both.ask(instance, 'queue.lease', {
    ...{ queue_name, batch_size, client_id, request_timeout },
  });
  return (json.items as { id: string; bytes: string; lease_deadline: string }[]).map((item) => ({
    ...{ id: item.id, leaseDeadline: item.lease_deadline, partition: Number(json.partition ?? 0) },
    text: Buffer.from(item.bytes, 'base64').toString(),
  }));
}
type Taken = Awaited<ReturnType<typeof lease>>;

const untilWaiting = (instance: number, queue_name: string) =>
  vi.waitFor(async () => {
    const { json } = await both.ask(instance, 'queue.stats', { queue_name });
    expect(Number(json.logicalQueues[0].lease_waiting)).toBeGreaterThan(0);
  }, PATIENCE);

const textsOf = (items: Taken) => items.map(({ text }) => text);

const complete = (instance: number, queue_name: string, items: Taken) =>
  both.post(instance, 'queue.complete', {
    ...{ queue_name, partition: items[0]?.partition ?? 0, request_timeout: '10s' },
    ids: items.map(({ id }) => id),
  });

/** Suspends the sleeper during `meanwhile` and a pause. */
async function whileAsleep(meanwhile: () => Promise<unknown>): Promise<void> {
  both.pause(SLEEPER);
  await Promise.all([meanwhile(), delay(PAUSE_MS)]).finally(() => both.resume(SLEEPER));
}

async function administer<T extends pg.QueryResultRow>(text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: both.database.connectionString });
  await client.connect();
  const { rows } = await client.query<T>(text);
  await client.end();
  return rows;
}

describe('a suspended instance of two', { timeout: 60_000 + ROUNDS * 20_000 }, () => {
  describe('while the other instance works', () => {
    let held: Taken;
    let late: ReturnType<typeof complete>;
    let heldOfOld: Taken;

    beforeAll(async () => {
      await both.create(AWAKE, 'leased', { lease_timeout: '1s' });
      await both.create(AWAKE, 'letters');
      await both.create(AWAKE, 'more-attempts', { lease_timeout: '1s', max_attempts: 1 });
      await both.create(AWAKE, 'dead-letters', { lease_timeout: '1s', max_attempts: 1 });
      await both.create(SLEEPER, 'anew', { requested_partitions: 2, lease_timeout: '1s' });
      await both.create(SLEEPER, 'deleted');
      await both.create(SLEEPER, 'cut');
      for (const text of ['old 1', 'old 2']) await produce(SLEEPER, 'anew', [text]);
      heldOfOld = await lease(SLEEPER, 'anew', 1);
      for (const queue of ['deleted', 'cut']) await produce(SLEEPER, queue, [queue]);
      // These queues are not active at the other instance: only the sleeper sweeps them.
      for (const queue of ['more-attempts', 'dead-letters']) {
        await produce(SLEEPER, queue, [queue]);
        await lease(SLEEPER, queue);
      }
      await produce(SLEEPER, 'leased', ['a', 'b']);
      held = await lease(SLEEPER, 'leased');
      await whileAsleep(async () => {
        late = complete(SLEEPER, 'leased', held);
        const rest = { lease_timeout: '1s', expire_timeout: '24h' };
        await both.ask(AWAKE, 'queues.update', { queue_name: 'more-attempts', max_attempts: 9, ...rest });
        await both.ask(AWAKE, 'queues.update', {
          ...{ queue_name: 'dead-letters', max_attempts: 1, dead_queue: 'letters', ...rest },
        });
        for (const queue_name of ['anew', 'deleted']) await both.ask(AWAKE, 'queues.delete', { queue_name });
        await both.create(AWAKE, 'anew', { requested_partitions: 3, lease_timeout: '1h' });
        await produce(AWAKE, 'anew', ['new 1']);
        await administer(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'instance-${SLEEPER}'`,
        );
        const served = await lease(AWAKE, 'leased');
        expect(textsOf(served)).toEqual(['a', 'b']);
        expect((await complete(AWAKE, 'leased', served))?.status).toBe(200);
      });
    }, 60_000);

    test('finds its leases served elsewhere, and late requests fail', async () => {
      let reply = await late;
      // Its connections broke: the partition may be out of service for a moment, and the client gets a retry error.
      while (reply?.status === 454) {
        await delay(50);
        reply = await complete(SLEEPER, 'leased', held);
      }
      expect(reply?.status, reply?.text).toBe(400);
      expect(reply?.json.message).toContain('does not exist');
    });

    test('deletes no items by old settings', async () => {
      expect(textsOf(await lease(SLEEPER, 'more-attempts'))).toEqual(['more-attempts']);
      expect(textsOf(await lease(AWAKE, 'letters'))).toEqual(['dead-letters']);
    });

    test('serves the recreated queue, and nothing of the old one', async () => {
      const reply = await complete(SLEEPER, 'anew', heldOfOld);
      expect(reply?.status, reply?.text).toBe(400);
      const { json } = await both.ask(SLEEPER, 'queue.stats', { queue_name: 'anew' });
      expect(json.logicalQueues[0].partitions).toHaveLength(3);
      await produce(SLEEPER, 'anew', ['new 2']);
      const taken = [...(await lease(SLEEPER, 'anew')), ...(await lease(SLEEPER, 'anew'))];
      expect(textsOf(taken).sort()).toEqual(['new 1', 'new 2']);
      for (const { leaseDeadline } of taken) {
        expect(Date.parse(leaseDeadline) - Date.now()).toBeGreaterThan(3_000_000);
      }
    });

    test('reports that a queue was deleted, and creates no table for it', async () => {
      const reply = await both.post(SLEEPER, 'queue.produce', {
        ...{ queue_name: 'deleted', request_timeout: '5s', items: [{ utf8: 'lost' }] },
      });
      expect(reply?.status, reply?.text).toBe(400);
      expect(reply?.json.message).toContain("no such queue named 'deleted'");
      const table = `'items_' || left(md5('deleted'), 12) || '_000000'`;
      expect(await administer(`SELECT 1 FROM pg_tables WHERE tablename = ${table}`)).toEqual([]);
    });

    test('works after its connections were cut, and gets notifications again', async () => {
      expect(textsOf(await lease(SLEEPER, 'cut'))).toEqual(['cut']);
      // It may take seconds until it listens again. From then on it gets every notification. Without them, the start of
      // LISTEN and its own poll, 7 s after the last one, may serve two of these by chance, and not three.
      await vi.waitFor(async () => {
        await both.ask(AWAKE, 'queue.clear', { queue_name: 'cut', queue: true, destructive: true });
        for (const text of ['again', 'once more', 'and again']) {
          const waiting = lease(SLEEPER, 'cut', 1, '3s');
          await untilWaiting(SLEEPER, 'cut');
          await produce(AWAKE, 'cut', [text]);
          expect(textsOf(await waiting)).toEqual([text]);
        }
      }, PATIENCE);
    });
  });

  test(`under load loses no acknowledged item, and completes none twice (seed ${SEED})`, async () => {
    const load = faultLoad(both, SEED);
    await load.createQueues();
    load.start(1);
    for (let round = 0; round < ROUNDS; round++) {
      await load.more(50);
      await whileAsleep(() => load.more(50));
    }
    await load.more(50);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
