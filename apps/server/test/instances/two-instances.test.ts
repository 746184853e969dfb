import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Instances, PATIENCE, type Taken } from './support/instances.ts';

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

/** Servers that listen also poll every 7 s. That may end one of these waits by chance, and not two in a row. */
const BY_SIGNAL_MS = 5_000;

const textsOf = (items: readonly Taken[]) => items.map(({ text }) => text);

describe('two instances on one database', { timeout: 60_000 }, () => {
  test('items are leased in the order of their produces, whichever instances were used', async () => {
    await both.create(0, 'alternating');
    const texts = Array.from({ length: 60 }, (_, n) => `item ${n}`);
    for (const [n, text] of texts.entries()) await both.produce(n % 2, 'alternating', [text]);
    const taken: string[] = [];
    for (let n = 0; taken.length < texts.length; n++) {
      taken.push(...textsOf(await both.lease(n % 2, 'alternating', { batch_size: 7 })));
    }
    expect(taken).toEqual(texts);
  });

  describe('a waiting consumer at one instance gets an item that becomes available at the other', () => {
    const AHEAD_MS = 300;

    /** Twice in a row: a consumer waits, and gets the item that then becomes available at the other instance. */
    async function twice(
      instance: number,
      queue: string,
      { makeAvailable, aheadMs = 0 }: { makeAvailable: (text: string) => Promise<unknown>; aheadMs?: number },
    ): Promise<void> {
      for (const text of ['first', 'second']) {
        const waiting = both.lease(instance, queue, { request_timeout: `${BY_SIGNAL_MS + aheadMs}ms` });
        await both.untilWaiting(instance, queue);
        await makeAvailable(text);
        const items = await waiting;
        expect(textsOf(items)).toEqual([text]);
        await both.complete(instance, queue, items);
      }
    }

    test('by a produce', async () => {
      await both.create(0, 'woken');
      await twice(0, 'woken', { makeAvailable: (text) => both.produce(1, 'woken', [text]) });
    });

    test('by a retry', async () => {
      await both.create(0, 'retried');
      await both.produce(0, 'retried', ['first', 'second']);
      const held = new Map((await both.lease(0, 'retried')).map(({ id, text }) => [text, id]));
      await twice(1, 'retried', {
        makeAvailable: (text) =>
          both.ask(0, 'queue.retry', {
            queue_name: 'retried',
            partition: 0,
            items: [{ id: held.get(text) }],
          }),
      });
    });

    test('by an item that comes due', async () => {
      await both.create(0, 'scheduled');
      await twice(0, 'scheduled', {
        aheadMs: AHEAD_MS,
        makeAvailable: (text) =>
          both.produce(1, 'scheduled', [text], { enqueue_at: new Date(Date.now() + AHEAD_MS).toISOString() }),
      });
    });

    test('by an ended lease', async () => {
      await both.create(0, 'expiring', { lease_timeout: `${AHEAD_MS}ms` });
      for (const text of ['first', 'second']) {
        await both.produce(0, 'expiring', [text]);
        expect(textsOf(await both.lease(0, 'expiring'))).toEqual([text]);
        const items = await both.lease(1, 'expiring', { request_timeout: `${BY_SIGNAL_MS + AHEAD_MS}ms` });
        expect(textsOf(items)).toEqual([text]);
        await both.complete(1, 'expiring', items);
      }
    });
  });

  test('hundreds of items are each completed once, by consumers on both', async () => {
    await both.create(0, 'shared', { requested_partitions: 3 });
    const texts = Array.from({ length: 600 }, (_, n) => `item ${n}`);
    const done: string[] = [];
    const produce = async (instance: number) => {
      for (let n = instance; n < texts.length; n += 2)
        await both.produce(instance, 'shared', [texts[n] ?? '']);
    };
    const consume = async (instance: number) => {
      while (done.length < texts.length) {
        const items = await both.lease(instance, 'shared', { request_timeout: '200ms' });
        if (items.length === 0) continue;
        expect((await both.complete(instance, 'shared', items)).status).toBe(200);
        done.push(...textsOf(items));
      }
    };
    await Promise.all([produce(0), produce(1), consume(0), consume(0), consume(1), consume(1)]);
    expect(done.sort()).toEqual(texts.sort());
  });

  test('an item that one has leased can be completed at the other, once', async () => {
    await both.create(0, 'handed-over');
    await both.produce(0, 'handed-over', ['a']);
    const items = await both.lease(0, 'handed-over');
    expect((await both.complete(1, 'handed-over', items)).status).toBe(200);
    expect((await both.complete(0, 'handed-over', items)).status).toBe(400);
  });

  test('two consumers with one client id wait at two servers, but not at one', async () => {
    await both.create(0, 'namesakes');
    const wait = (instance: number) =>
      both.post(instance, 'queue.lease', {
        ...{ queue_name: 'namesakes', batch_size: 1, client_id: 'one', request_timeout: '10s' },
      });
    const waiting = [wait(0), wait(1)];
    for (const instance of [0, 1]) await both.untilWaiting(instance, 'namesakes');
    for (const instance of [0, 1]) {
      const { status, text } = await wait(instance);
      expect(status, text).toBe(400);
      expect(text).toContain('duplicate client id');
    }
    await both.produce(0, 'namesakes', ['a', 'b']);
    const replies = await Promise.all(waiting);
    const taken = replies.flatMap(({ json }) => json.items ?? []);
    expect(taken.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()).sort()).toEqual(['a', 'b']);
  });

  describe('settings', () => {
    test('a queue created at one exists at the other at once', async () => {
      await both.create(0, 'new');
      await both.produce(1, 'new', ['first']);
      expect(textsOf(await both.lease(0, 'new'))).toEqual(['first']);
    });

    test('an update at one applies at the other', async () => {
      await both.create(0, 'updated', { lease_timeout: '1h' });
      await both.produce(1, 'updated', ['warm']);
      await both.lease(1, 'updated');
      // Twice, for the same reason as above.
      for (const minutes of [30, 1]) {
        await both.ask(0, 'queues.update', { queue_name: 'updated', lease_timeout: `${minutes}m` });
        await vi.waitFor(
          async () => {
            await both.produce(1, 'updated', ['x']);
            const { json } = await both.post(1, 'queue.lease', {
              ...{ queue_name: 'updated', batch_size: 1, request_timeout: '5s', client_id: 'c' },
            });
            const left = Date.parse(json.items[0].lease_deadline) - Date.now();
            expect(left).toBeLessThan(minutes * 60_000 + 1_000);
          },
          { timeout: BY_SIGNAL_MS, interval: 20 },
        );
      }
    });

    test('a queue deleted at one is gone at the other, and its consumers get a reply', async () => {
      for (const queue_name of ['deleted', 'deleted-too']) {
        await both.create(0, queue_name);
        const waiting = both.post(1, 'queue.lease', {
          ...{ queue_name, batch_size: 1, request_timeout: `${BY_SIGNAL_MS}ms`, client_id: 'c' },
        });
        await both.untilWaiting(1, queue_name);
        await both.ask(0, 'queues.delete', { queue_name });
        expect((await waiting).status).toBe(453);
        const reply = await both.post(1, 'queue.produce', {
          ...{ queue_name, request_timeout: '5s', items: [{ utf8: 'x' }] },
        });
        expect(reply).toMatchObject({ status: 400 });
        expect(reply.json.message).toContain(`no such queue named '${queue_name}'`);
      }
    });

    test('a queue deleted and created anew at one starts empty at the other', async () => {
      await both.create(0, 'renewed');
      await both.produce(1, 'renewed', ['old']);
      await both.ask(0, 'queues.delete', { queue_name: 'renewed' });
      await both.create(0, 'renewed', { requested_partitions: 2 });
      await vi.waitFor(async () => {
        const { json } = await both.ask(1, 'queue.stats', { queue_name: 'renewed' });
        expect((json.logical_queues ?? json.logicalQueues)[0].partitions).toHaveLength(2);
      }, PATIENCE);
      await both.produce(1, 'renewed', ['new']);
      expect(textsOf(await both.lease(0, 'renewed'))).toEqual(['new']);
    });
  });
});
