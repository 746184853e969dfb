import { SeededRandom } from '@querator/core/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Instances, PATIENCE, type Taken } from './support/instances.ts';

/** `pnpm test:cluster` does more of them. */
const STEPS = Number(process.env['QUERATOR_CONCURRENT_STEPS'] ?? 120);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const PARTITIONS = 2;

/** The possible errors while another instance creates, changes, clears and deletes the queue. */
const DOCUMENTED = [
  { status: 400, message: /^queue does not exist; no such queue named 'wild'$/ },
  { status: 400, message: /^invalid queue; 'wild' already exists$/ },
  // The item or its queue is gone.
  { status: 400, message: /^invalid storage id; '.*' does not exist$/ },
  { status: 453, message: /^queue is shutting down$/ },
  { status: 454, message: /^request timeout; no items are in the queue, try again$/ },
  // Its table was dropped while the statement ran.
  { status: 454, message: /^internal error, try your request again$/ },
];

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

/** The texts of the waiting and leased items of a partition, in order. */
async function stored(queue_name: string, partition: number): Promise<string[]> {
  const { json } = await both.ask(0, 'storage/items.list', { queue_name, partition, limit: 10_000 });
  return (json.items ?? []).map(({ payload }: { payload: string }) =>
    Buffer.from(payload, 'base64').toString(),
  );
}

describe('two instances at the same time', { timeout: 60_000 + STEPS * 100 }, () => {
  test('two sweeps of one partition handle each item once', async () => {
    await both.create(0, 'dead');
    await both.create(0, 'mortal', { lease_timeout: '300ms', max_attempts: 1, dead_queue: 'dead' });
    await both.create(0, 'living', { lease_timeout: '300ms' });
    const texts = Array.from({ length: 200 }, (_, n) => `item ${n}`);
    for (const queue of ['mortal', 'living']) {
      await both.produce(0, queue, texts);
      // Both have leased, so both sweep at the same moment.
      for (const instance of [0, 1]) await both.lease(instance, queue, { batch_size: 100 });
    }
    await vi.waitFor(async () => {
      expect(await stored('mortal', 0)).toEqual([]);
      const { json } = await both.ask(0, 'queue.stats', { queue_name: 'living' });
      expect(json.logicalQueues[0].partitions[0].total_leased ?? 0).toBe(0);
    }, PATIENCE);
    expect((await stored('dead', 0)).sort()).toEqual([...texts].sort());
    expect((await stored('living', 0)).sort()).toEqual([...texts].sort());
  });

  test('two sweep expired items of one partition during clears at both: each item becomes one letter, or is removed', async () => {
    await both.create(0, 'letters');
    const settings = { lease_timeout: '300ms', expire_timeout: '600ms', dead_queue: 'letters' };
    for (const queue of ['swept', 'cleared']) await both.create(0, queue, settings);
    const textsOf = (queue: string) => Array.from({ length: 200 }, (_, n) => `${queue} ${n}`);
    for (const queue of ['swept', 'cleared']) {
      // Both know the deadlines.
      await Promise.all(
        [0, 1].map((instance) =>
          both.produce(
            instance,
            queue,
            textsOf(queue).filter((_, n) => n % 2 === instance),
          ),
        ),
      );
    }
    const clear = async (instance: number) => {
      for (let n = 0; n < 10; n++) {
        await both.ask(instance, 'queue.clear', { queue_name: 'cleared', queue: true });
      }
    };
    await vi.waitFor(async () => expect(await stored('letters', 0)).not.toEqual([]), PATIENCE);
    await Promise.all([clear(0), clear(1)]);
    await vi.waitFor(async () => {
      for (const queue of ['swept', 'cleared']) expect(await stored(queue, 0)).toEqual([]);
    }, PATIENCE);
    const letters = await stored('letters', 0);
    expect(letters.filter((text) => text.startsWith('swept')).sort()).toEqual(textsOf('swept').sort());
    expect(letters).toHaveLength(new Set(letters).size);
  });

  test('concurrent updates of different settings of one queue both apply', async () => {
    await both.create(0, 'twice-updated');
    for (let n = 1; n <= 20; n++) {
      await Promise.all([
        both.ask(0, 'queues.update', { queue_name: 'twice-updated', lease_timeout: `${n}s` }),
        both.ask(1, 'queues.update', { queue_name: 'twice-updated', expire_timeout: `${n}h` }),
      ]);
      for (const instance of [0, 1]) {
        const { json } = await both.ask(instance, 'queues.info', { queue_name: 'twice-updated' });
        expect(json).toMatchObject({ lease_timeout: `${n}s`, expire_timeout: `${n}h0m0s` });
      }
    }
  });

  test.each([1, 3])(
    'concurrent produces at both: the order that a client has read stays, in each of %i partitions',
    async (partitions) => {
      const queue = `ordered-${partitions}`;
      await both.create(0, queue, { requested_partitions: partitions });
      const seen: string[][] = [];
      let producing = true;
      const produce = async (instance: number, name: string) => {
        for (let n = 0; n < 60; n++) await both.produce(instance, queue, [`${name} ${n}`]);
      };
      const look = async () => {
        while (producing) {
          for (let partition = 0; partition < partitions; partition++) {
            const now = await stored(queue, partition);
            const before = seen[partition] ?? [];
            // Items of a produce in flight may appear in front. Items that were seen keep their order.
            const known = new Set(before);
            expect(now.filter((text) => known.has(text))).toEqual(before);
            seen[partition] = now;
          }
        }
      };
      const looking = look();
      await Promise.all([produce(0, 'a'), produce(0, 'b'), produce(1, 'c'), produce(1, 'd')]);
      producing = false;
      await looking;
      const taken = new Map<number, string[]>();
      for (let n = 0; [...taken.values()].flat().length < 240; n++) {
        // A slow partition may be skipped, so its items may come later: docs/several-instances.md.
        const reader = partitions === 1 ? n % 2 : 0;
        const items = await both.lease(reader, queue, { batch_size: 7 });
        const [first] = items;
        const { partition } = first as Taken;
        taken.set(partition, [...(taken.get(partition) ?? []), ...items.map(({ text }) => text)]);
      }
      for (let partition = 0; partition < partitions; partition++) {
        expect(taken.get(partition)).toEqual(await stored(queue, partition));
      }
      for (const name of ['a', 'b', 'c', 'd']) {
        for (const texts of taken.values()) {
          const numbers = texts.filter((text) => text.startsWith(name)).map((text) => Number(text.slice(2)));
          expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
        }
      }
    },
  );

  test(`create, update, clear and delete among produces, leases, completes, retries and dead letters (seed ${SEED})`, async () => {
    const random = new SeededRandom(SEED);
    await both.create(0, 'wild-letters');
    const settings = {
      ...{ lease_timeout: '1m', expire_timeout: '24h', requested_partitions: PARTITIONS },
      dead_queue: 'wild-letters',
    };
    const pick = () => Math.floor(random.fraction() * 2);
    /** The ends of clears and deletes. Items that were acknowledged before one of them may be gone. */
    let removals = 0;
    const produced = new Map<string, number>();
    const completed = new Set<string>();
    const wrong: string[] = [];
    const post = async (call: string, body: object) => {
      const reply = await both.post(pick(), call, { queue_name: 'wild', ...body });
      const { status, text, json } = reply;
      if (
        status !== 200 &&
        !DOCUMENTED.some((each) => each.status === status && each.message.test(json?.message))
      )
        wrong.push(`${call}: ${text}`);
      return reply;
    };
    const producer = async (name: string) => {
      for (let n = 0; n < STEPS; n++) {
        const text = `${name}-${n}`;
        const before = removals;
        const later = random.fraction() < 0.2 ? { enqueue_at: new Date(Date.now() + 200).toISOString() } : {};
        const items = [{ utf8: text, ...later }];
        if ((await post('queue.produce', { items, request_timeout: '2s' })).status === 200)
          produced.set(text, before);
      }
    };
    let running = true;
    const consumer = async (client_id: string) => {
      while (running) {
        const { status, json } = await post('queue.lease', {
          client_id,
          batch_size: 5,
          request_timeout: '200ms',
        });
        if (status !== 200) continue;
        const partition = json.partition ?? 0;
        const retried = [];
        const done = [];
        for (const { id, bytes } of json.items) {
          const [text, fate] = [Buffer.from(bytes, 'base64').toString(), random.fraction()];
          if (fate < 0.1) retried.push({ id });
          else if (fate < 0.2) retried.push({ id, retry_at: new Date(Date.now() + 200).toISOString() });
          else if (fate < 0.3) retried.push({ id, dead: true });
          else done.push({ id, text });
        }
        if (retried.length > 0) await post('queue.retry', { partition, items: retried });
        const ids = done.map(({ id }) => id);
        if (ids.length === 0) continue;
        const reply = await post('queue.complete', { partition, ids, request_timeout: '2s' });
        if (reply.status !== 200) continue;
        for (const { text } of done) {
          if (completed.has(text)) wrong.push(`${text} was completed twice`);
          completed.add(text);
        }
      }
    };
    const operator = async () => {
      for (let n = 0; n < STEPS / 8; n++) {
        const what = random.fraction();
        if (what < 0.3) await post('queues.update', { ...settings, reference: `${n}` });
        else if (what < 0.6) {
          await post('queue.clear', { queue: true, scheduled: true, destructive: pick() === 0 });
          removals++;
        } else if (what < 0.8) {
          await post('queues.delete', {});
          removals++;
        } else await post('queues.create', settings);
      }
    };
    await post('queues.create', settings);
    const consumers = ['c', 'd'].map(consumer);
    await Promise.all([producer('a'), producer('b'), producer('e'), operator(), operator()]);
    await post('queues.create', settings);
    // Once more without a removal: none of these items may be missing.
    const last = removals;
    await Promise.all([producer('y'), producer('z')]);
    const due = [...produced].filter(([, before]) => before === last).map(([text]) => text);
    expect(wrong).toEqual([]);
    expect(due.length).toBeGreaterThan(STEPS);
    const letters = () => stored('wild-letters', 0);
    await vi.waitFor(
      async () => {
        const ended = new Set([...completed, ...(await letters())]);
        expect(due.filter((text) => !ended.has(text))).toEqual([]);
      },
      { timeout: 30_000, interval: 100 },
    );
    running = false;
    await Promise.all(consumers);
    expect(wrong).toEqual([]);
    const dead = await letters();
    expect(dead).toHaveLength(new Set(dead).size);
    expect(dead.filter((text) => completed.has(text))).toEqual([]);
    expect(dead.length).toBeGreaterThan(0);
  });
});
