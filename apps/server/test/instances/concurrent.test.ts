import { SeededRandom } from '@querator/core/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Instances, PATIENCE, type Taken } from './support/instances.ts';

/** `pnpm test:cluster` does more of them. */
const STEPS = Number(process.env['QUERATOR_CONCURRENT_STEPS'] ?? 120);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const PARTITIONS = 2;

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

/** The texts of all waiting and leased items of a partition, in order. */
async function stored(queue_name: string, partition: number): Promise<string[]> {
  const { json } = await both.ask(0, 'storage/items.list', { queue_name, partition, limit: 10_000 });
  return (json.items ?? []).map(({ payload }: { payload: string }) =>
    Buffer.from(payload, 'base64').toString(),
  );
}

describe('two instances at the same time', { timeout: 60_000 + STEPS * 100 }, () => {
  test('two sweeps of one partition do the work once', async () => {
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

  test.each([1, 3])(
    'concurrent produces at both: an order that was seen stays, in each of %i partitions',
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
            // A produce that was under way may turn up in front; what was seen keeps its order.
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
        // A partition that is slow to answer may be passed over, and its items be held for a moment: see the docs.
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

  test(`create, update, clear and delete among produces, leases and completes (seed ${SEED})`, async () => {
    const random = new SeededRandom(SEED);
    const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: PARTITIONS };
    const pick = () => Math.floor(random.fraction() * 2);
    /** Ends of clears and deletes: what was acknowledged before one of them may be gone. */
    let removals = 0;
    const produced = new Map<string, number>();
    const completed = new Set<string>();
    const wrong: string[] = [];
    const allowed =
      /no such queue|already exists|shutting down|does not exist|not leased|timeout|try|again|retry/;
    const post = async (call: string, body: object) => {
      const reply = await both.post(pick(), call, { queue_name: 'wild', ...body });
      if (reply.status !== 200 && (reply.status === 500 || !allowed.test(reply.text))) {
        wrong.push(`${call}: ${reply.text}`);
      }
      return reply;
    };
    const producer = async (name: string) => {
      for (let n = 0; n < STEPS; n++) {
        const text = `${name}-${n}`;
        const before = removals;
        if ((await post('queue.produce', { items: [{ utf8: text }], request_timeout: '2s' })).status === 200)
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
        const ids = json.items.map(({ id }: { id: string }) => id);
        if (
          (await post('queue.complete', { partition: json.partition ?? 0, ids, request_timeout: '2s' }))
            .status !== 200
        )
          continue;
        for (const { bytes } of json.items) {
          const text = Buffer.from(bytes, 'base64').toString();
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
    // Once more without any removal: of these none may be missing.
    const last = removals;
    await Promise.all([producer('y'), producer('z')]);
    const due = [...produced].filter(([, before]) => before === last).map(([text]) => text);
    expect(wrong).toEqual([]);
    expect(due.length).toBeGreaterThan(STEPS);
    await vi.waitFor(() => expect(due.filter((text) => !completed.has(text))).toEqual([]), {
      timeout: 30_000,
      interval: 100,
    });
    running = false;
    await Promise.all(consumers);
    expect(wrong).toEqual([]);
  });
});
