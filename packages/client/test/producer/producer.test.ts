import { MESSAGES, QueueError, queuePaused } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import {
  ConnectError,
  ConnectionLostError,
  json,
  type PortProduce,
  type ProducedItem,
  type ProducePort,
  type ProducerOptions,
  producer,
} from '../../src/index.ts';

const decoder = new TextDecoder();
const encode = (text: string) => new TextEncoder().encode(text);

type Fate = 'stored' | 'lost-reply' | 'lost-request' | Error;

/** A queue in memory that remembers keys, and a producer of it. Each request has the next fate. */
function start(options: Partial<ProducerOptions<Uint8Array>> = {}, port: Partial<ProducePort> = {}) {
  const clock = new ManualClock();
  const stored: string[] = [];
  const requests: PortProduce[] = [];
  const fates: Fate[] = [];
  const keys = new Map<string, readonly ProducedItem[]>();
  /** Requests wait here while it is defined. */
  const held: { gate: Promise<void> | undefined } = { gate: undefined };

  const store = (items: PortProduce['items'], dedupKey: string | undefined): readonly ProducedItem[] => {
    const known = dedupKey === undefined ? undefined : keys.get(dedupKey);
    if (known !== undefined) return known.map((item) => ({ ...item, duplicate: true }));
    const produced = items.map(({ payload }) => {
      stored.push(decoder.decode(payload));
      return { id: `id-${stored.length}`, partition: 0 };
    });
    if (dedupKey !== undefined) keys.set(dedupKey, produced);
    return produced;
  };
  const produce = async (call: PortProduce): Promise<readonly ProducedItem[]> => {
    requests.push(call);
    await held.gate;
    const fate = fates.shift() ?? 'stored';
    if (fate instanceof Error) throw fate;
    if (fate === 'lost-request') throw new ConnectionLostError('url', 'the request was lost');
    const wrong = call.items.find(({ payload }) => decoder.decode(payload).startsWith('wrong'));
    if (wrong !== undefined) throw new QueueError('invalid', `'${decoder.decode(wrong.payload)}' is wrong`);
    const produced = call.items.flatMap((item) =>
      item.dedupKey === undefined ? [] : store([item], item.dedupKey),
    );
    if (produced.length === 0) produced.push(...store(call.items, call.dedupKey));
    if (fate === 'lost-reply') throw new ConnectionLostError('url', 'the reply was lost');
    return produced;
  };
  const it = producer(
    { canDedup: true, mostBytes: undefined, produce, ...port },
    { queue: 'q', clock, random: new SeededRandom(), ...options, codec: undefined },
  );
  const send = (text: string, given?: Parameters<typeof it.send>[1]) => it.send(encode(text), given);
  const sizes = () => requests.map(({ items }) => items.length);
  return { clock, stored, requests, fates, held, producer: it, send, sizes };
}

/** Ends with this turn of the event loop. */
const thisTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a producer', () => {
  test('sends a lone item in the same turn, and tells its id', async () => {
    const it = start();
    const sent = it.send('a', { kind: 'mail', reference: 'r' });
    await thisTurn();
    expect(it.requests).toHaveLength(1);
    expect(it.requests[0]).toMatchObject({
      queueName: 'q',
      requestTimeout: '10s',
      items: [{ payload: encode('a'), kind: 'mail', reference: 'r', encoding: '' }],
    });
    expect(await sent).toEqual({ id: 'id-1', isDuplicate: false });
  });

  test('puts what is sent at the same time into one request, and the rest into the next', async () => {
    const it = start();
    const gate = Promise.withResolvers<void>();
    it.held.gate = gate.promise;
    const sends = ['a', 'b', 'c'].map((text) => it.send(text));
    await thisTurn();
    sends.push(it.send('d'), it.send('e'));
    await thisTurn();
    expect(it.sizes()).toEqual([3]);
    gate.resolve();
    expect((await Promise.all(sends)).map(({ id }) => id)).toEqual(['id-1', 'id-2', 'id-3', 'id-4', 'id-5']);
    expect(it.sizes()).toEqual([3, 2]);
    expect(it.stored).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('may have two requests in flight', async () => {
    const it = start({ requestsInFlight: 2 });
    const gate = Promise.withResolvers<void>();
    it.held.gate = gate.promise;
    const sends: Promise<unknown>[] = [];
    for (const text of ['a', 'b', 'c']) {
      sends.push(it.send(text));
      await thisTurn();
    }
    expect(it.sizes()).toEqual([1, 1]);
    gate.resolve();
    await Promise.all(sends);
    expect(it.sizes()).toEqual([1, 1, 1]);
  });

  test('sends at most 1,000 items and the greatest body in a request', async () => {
    const it = start({}, { mostBytes: 10_000 });
    await Promise.all(Array.from({ length: 1_200 }, () => it.send('')));
    expect(it.sizes().reduce((sum, size) => sum + size, 0)).toBe(1_200);
    expect(Math.max(...it.sizes())).toBeLessThanOrEqual(10_000 / 64);

    const large = start({}, { mostBytes: 10_000 });
    await Promise.all([large.send('x'.repeat(9_000)), large.send('x'.repeat(20_000)), large.send('x')]);
    expect(large.sizes()).toEqual([1, 1, 1]);

    const many = start();
    await Promise.all(Array.from({ length: 1_200 }, () => many.send('')));
    expect(many.sizes()).toEqual([1_000, 200]);
  });

  test('gives an error to the sends that it belongs to, and keeps the order of the others', async () => {
    const it = start();
    const texts = ['a', 'b', 'wrong 1', 'c', 'wrong 2', 'd'];
    const results = await Promise.allSettled(texts.map((text) => it.send(text)));
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(results[2]).toMatchObject({ reason: { message: "'wrong 1' is wrong" } });
    expect(results[4]).toMatchObject({ reason: { message: "'wrong 2' is wrong" } });
    expect(it.stored).toEqual(['a', 'b', 'c', 'd']);
    const keys = it.requests.map(({ dedupKey }) => dedupKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each<[Fate, string]>([
    ['lost-reply', 'was stored'],
    ['lost-request', 'was not stored'],
    [new QueueError('retry', MESSAGES.produceOutcomeUnknown), 'may be stored'],
  ])('repeats a request with its key after a fate of %s: it %s', async (fate) => {
    const it = start();
    it.fates.push(fate);
    const sends = ['a', 'b'].map((text) => it.send(text));
    await it.clock.advance('1s');
    const sent = await Promise.all(sends);
    expect(sent.map(({ id }) => id)).toEqual(['id-1', 'id-2']);
    expect(it.stored).toEqual(['a', 'b']);
    expect(it.requests).toHaveLength(2);
    expect(it.requests[0]?.dedupKey).toMatch(/^[0-9A-Za-z]{22}$/);
    expect(it.requests[1]?.dedupKey).toBe(it.requests[0]?.dedupKey);
  });

  test('takes another key, and so perhaps another partition, while nothing can be stored', async () => {
    const it = start();
    const notStored = new QueueError('retry', MESSAGES.produceTimedOut);
    it.fates.push(notStored, notStored, 'lost-reply', notStored);
    const sent = it.send('a');
    await it.clock.advance('5s');
    await sent;
    expect(it.stored).toEqual(['a']);
    const [first, second, third, ...others] = it.requests.map(({ dedupKey }) => dedupKey);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(others).toEqual([third, third]);
  });

  test('reports an unknown outcome where keys do not count, and repeats what was certainly not stored', async () => {
    const it = start({}, { canDedup: false });
    it.fates.push('lost-reply', new ConnectError('url', 'refused'));
    await expect(it.send('a')).rejects.toBeInstanceOf(ConnectionLostError);
    const sent = it.send('b');
    await it.clock.advance('1s');
    await sent;
    expect(it.stored).toEqual(['a', 'b']);
    expect(it.requests.map(({ dedupKey }) => dedupKey)).toEqual([undefined, undefined, undefined]);
  });

  test('sends no key of its own if it is told not to', async () => {
    const it = start({ dedup: false });
    it.fates.push('lost-reply');
    await expect(it.send('a')).rejects.toBeInstanceOf(ConnectionLostError);
    expect(it.requests[0]?.dedupKey).toBeUndefined();
  });

  test('gives up when its timeout has passed', async () => {
    const it = start({ timeout: '5s' });
    it.fates.push(...Array.from({ length: 100 }, () => 'lost-request' as const));
    const sent = expect(it.send('a')).rejects.toBeInstanceOf(ConnectionLostError);
    await it.clock.advance('11s');
    await sent;
    expect(it.requests.length).toBeGreaterThan(3);
    expect(it.requests.map(({ requestTimeout }) => Number.parseFloat(requestTimeout))[0]).toBe(5);
    expect(it.clock.pendingTimers).toBe(0);
  });

  test('waits as long as the server asks for', async () => {
    const it = start();
    it.fates.push(new QueueError('limited', 'slower', { retryAfterMs: 20_000 }));
    const sent = it.send('a');
    await it.clock.advance('19s');
    expect(it.requests).toHaveLength(1);
    await it.clock.advance('1s');
    await sent;
  });

  test('waits for a paused queue, and tries once more at its timeout', async () => {
    const it = start({ timeout: '10s' }, { canDedup: false });
    const paused = queuePaused(3_600_000);
    it.fates.push(paused);
    const sent = it.send('a');
    await it.clock.advance('9s');
    expect(it.requests).toHaveLength(1);
    await it.clock.advance('1s');
    await sent;
    it.fates.push(paused, paused);
    const refused = expect(it.send('b')).rejects.toBe(paused);
    await it.clock.advance('10s');
    await refused;
    expect(it.clock.pendingTimers).toBe(0);
  });

  test('keeps items with a key of their own apart from the others', async () => {
    const it = start();
    const sent = await Promise.all([
      it.send('a'),
      it.send('b', { dedupKey: 'k' }),
      it.send('c', { dedupKey: 'k' }),
      it.send('d'),
    ]);
    expect(sent).toEqual([
      { id: 'id-1', isDuplicate: false },
      { id: 'id-2', isDuplicate: false },
      { id: 'id-2', isDuplicate: true },
      { id: 'id-3', isDuplicate: false },
    ]);
    expect(it.requests.map(({ dedupKey }) => dedupKey === undefined)).toEqual([false, true, false]);
    expect(it.stored).toEqual(['a', 'b', 'd']);
  });

  test('sends keyed items again that could not be stored', async () => {
    const answers: readonly ProducedItem[][] = [
      [{ id: '1' }, { error: new QueueError('retry', 'storage failed', { reason: 'unavailable' }) }],
      [{ error: new QueueError('invalid', 'too many keys', { reason: 'over_limit' }) }],
    ];
    const calls: PortProduce[] = [];
    const it = start(
      {},
      {
        produce: async (call) => {
          calls.push(call);
          return answers[calls.length - 1] ?? [];
        },
      },
    );
    const sends = [it.send('a', { dedupKey: 'a' }), it.send('b', { dedupKey: 'b' })];
    const results = Promise.allSettled(sends);
    await it.clock.advance('1s');
    expect(await results).toMatchObject([{ value: { id: '1' } }, { reason: { message: 'too many keys' } }]);
    expect(calls.map(({ items }) => items.map(({ dedupKey }) => dedupKey))).toEqual([['a', 'b'], ['b']]);
  });

  test('lets sends wait while too much is on its way', async () => {
    const it = start({ mostItems: 2 });
    const gate = Promise.withResolvers<void>();
    it.held.gate = gate.promise;
    const sends = ['a', 'b', 'c', 'd', 'e'].map((text) => it.send(text));
    await thisTurn();
    gate.resolve();
    await Promise.all(sends);
    expect(Math.max(...it.sizes())).toBe(2);
    expect(it.stored).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('keeps the order of sends whose codec takes time', async () => {
    const clock = new ManualClock();
    const stored: unknown[] = [];
    const delays = [30, 20, 10];
    const it = producer(
      {
        canDedup: false,
        mostBytes: undefined,
        produce: async ({ items }) => {
          stored.push(...items.map(({ payload }) => decoder.decode(payload)));
          return [];
        },
      },
      {
        queue: 'q',
        clock,
        codec: {
          ...json<number>(),
          encode: async (value) => {
            await new Promise<void>((resolve) => clock.startTimer(delays.shift() ?? 0, resolve));
            if (value === 1) throw new Error('cannot be written');
            return encode(`${value}`);
          },
        },
      },
    );
    const results = Promise.allSettled([it.send(0), it.send(1), it.send(2)]);
    await clock.advance('1s');
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(stored).toEqual(['0', '2']);
  });

  test('closes once everything is sent, and takes nothing more', async () => {
    const it = start();
    const gate = Promise.withResolvers<void>();
    it.held.gate = gate.promise;
    const sends = [it.send('a'), it.send('b')];
    await thisTurn();
    sends.push(it.send('c'));
    let isClosed = false;
    const closed = it.producer.close().then(() => {
      isClosed = true;
    });
    await thisTurn();
    expect(isClosed).toBe(false);
    await expect(it.send('d')).rejects.toThrow("the producer of queue 'q' is closed");
    gate.resolve();
    await closed;
    expect(it.stored).toEqual(['a', 'b', 'c']);
    await Promise.all(sends);
  });

  test('flushes, and goes on', async () => {
    await using it = start().producer;
    const sent = it.send(encode('a'));
    await it.flush();
    await sent;
    await it.send(encode('b'));
  });

  test('asks first what the server can, again and again until it answers', async () => {
    let failures = 3;
    const it = start(
      {},
      {
        discover: async () => {
          if (failures-- > 0) throw new ConnectionLostError('url', 'gone');
        },
      },
    );
    const sent = it.send('a');
    await it.clock.advance('5s');
    await sent;
    expect(failures).toBe(-1);
    const stopped = start(
      {},
      { discover: () => Promise.reject(new QueueError('unauthenticated', 'no key')) },
    );
    await expect(stopped.send('a')).rejects.toThrow('no key');
  });

  test('delays items, or sends them for a time', async () => {
    const it = start();
    const at = new Date('2026-02-01T00:00:00Z');
    await Promise.all([it.send('a', { delay: '1m' }), it.send('b', { at }), it.send('c')]);
    expect(it.requests[0]?.items.map(({ enqueueAt }) => enqueueAt)).toEqual([
      it.clock.now() + 60_000_000n,
      BigInt(at.getTime()) * 1_000n,
      undefined,
    ]);
    await expect(it.send('d', { at, delay: 5 })).rejects.toThrow('delay is invalid');
    await expect(it.send('d', { at: 'soon' })).rejects.toThrow("at is invalid; 'soon' is not a time");
  });

  test.each([
    [{ timeout: 'soon' }, 'timeout is invalid'],
    [{ dedupWindow: -1 }, 'dedupWindow is invalid'],
    [{ mostItems: 0 }, "mostItems is invalid; '0' is not a number from 1 up"],
    [{ mostBytes: Number.NaN }, "mostBytes is invalid; 'NaN'"],
    [{ requestsInFlight: 3 as 2 }, "requestsInFlight is invalid; '3' is neither 1 nor 2"],
  ])('refuses the options %j', (options, message) => {
    expect(() => start(options)).toThrow(message);
  });
});
