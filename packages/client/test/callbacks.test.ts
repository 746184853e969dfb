import process from 'node:process';
import type { LeasedItem } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { codecs, queueEndpoints, SUCCESS_REPLY } from '@querator/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConsumeOptions, consume, createClient, type Fetch } from '../src/index.ts';
import { FakeServer, protobufReply } from './support/fake-server.ts';

interface Warning extends Error {
  readonly code?: string;
}

let warnings: Warning[] = [];
const onWarning = (warning: Warning) => warnings.push(warning);
beforeEach(() => {
  warnings = [];
  process.on('warning', onWarning);
});
afterEach(() => {
  process.off('warning', onWarning);
});

/** Consumes these batches from a server in memory, then stops. Records the server's requests in order. */
async function consumeAll(
  batches: readonly (readonly string[])[],
  options: Partial<ConsumeOptions>,
  { clock = new ManualClock(), onCall }: { clock?: ManualClock; onCall?: (call: string) => void } = {},
) {
  const stop = new AbortController();
  const calls: string[] = [];
  const called = (call: string) => {
    calls.push(call);
    onCall?.(call);
  };
  const delays: number[] = [];
  const waiting = batches.values();
  const start = clock.now();
  const server = new FakeServer()
    .on(queueEndpoints.lease, async () => {
      const { value: ids } = waiting.next();
      if (ids === undefined) {
        // The handlers of the last items start right after this call was sent.
        await new Promise(setImmediate);
        stop.abort();
      }
      const items = (ids ?? []).map((id) => ({ id, attempts: 1 }));
      return codecs.QueueLeaseResponse.create({ queueName: 'q', partition: 0, items });
    })
    .on(queueEndpoints.complete, ({ ids }) => {
      called(`complete ${ids.join(' ')}`);
      return SUCCESS_REPLY;
    })
    .on(queueEndpoints.retry, ({ items }) => {
      called(`retry ${items.map(({ id }) => id).join(' ')}`);
      const startSeconds = Number(start / 1_000_000n);
      for (const { retryAt } of items) delays.push((retryAt?.seconds ?? Number.NaN) - startSeconds);
      return SUCCESS_REPLY;
    });
  await consume(createClient({ endpoint: 'http://queue.test', fetch: server.fetch, clock }), {
    ...{ queueName: 'q', clock, random: new SeededRandom(), signal: stop.signal },
    handler: ({ id }) => {
      if (id.startsWith('bad')) throw new Error(`no ${id}`);
    },
    ...options,
  });
  // Node emits warnings in a later turn.
  await new Promise(setImmediate);
  return { calls, delays };
}

const thenable = (run: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void) => ({
  // biome-ignore lint/suspicious/noThenProperty: the test needs an object that behaves like a promise.
  then: run,
});

describe('onError', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken pipe');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('broken pipe'))],
    ['returns a thenable that rejects', () => thenable((_, reject) => reject(new Error('broken pipe')))],
    [
      'returns a thenable that throws',
      () =>
        thenable(() => {
          throw new Error('broken pipe');
        }),
    ],
  ])('that %s causes only a warning with both errors', async (_, fail) => {
    const { calls } = await consumeAll([['a'], ['bad1'], ['b'], ['c']], { onError: fail as () => void });
    expect(calls).toEqual(['complete a b c', 'retry bad1']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ name: 'QueratorWarning', code: 'QUERATOR_CONSUMER_CALLBACK' });
    expect(warnings[0]?.message).toContain("onError of the consumer of queue 'q' threw Error: broken pipe");
    expect(warnings[0]?.message).toContain('Error: no bad1');
  });

  test.each([
    ['nothing', undefined],
    ['an object without a prototype', Object.create(null)],
    [
      'an object that cannot be shown',
      {
        [Symbol.for('nodejs.util.inspect.custom')]: () => {
          throw new Error('no');
        },
      },
    ],
  ])('may throw %s', async (_, thrown) => {
    const { calls } = await consumeAll([['a'], ['bad1']], {
      onError: () => {
        throw thrown;
      },
    });
    expect(calls).toEqual(['complete a', 'retry bad1']);
    expect(warnings).toHaveLength(1);
  });

  test('is called after the items handled before were completed', async () => {
    const order: string[] = [];
    const { calls } = await consumeAll(
      [['a'], ['bad1'], ['bad2']],
      {
        onError: (_, item?: LeasedItem) => order.push(`onError ${item?.id}`),
        retryDelayMs: () => order.push('retryDelayMs'),
      },
      { onCall: (call) => order.push(call) },
    );
    expect(order).toEqual([
      'complete a',
      ...['onError bad1', 'retryDelayMs', 'onError bad2', 'retryDelayMs'],
      'retry bad1 bad2',
    ]);
    expect(calls).toEqual(['complete a', 'retry bad1 bad2']);
  });

  test('that always throws causes a warning once a minute, with a count', async () => {
    const clock = new ManualClock();
    const bad = Array.from({ length: 100 }, (_, n) => `bad${n}`);
    await consumeAll(
      [...bad.map((id) => [id]), ['last'], ['bad-again']],
      {
        handler: async ({ id }) => {
          if (id.startsWith('bad')) throw new Error('no');
          await clock.advance('60s');
        },
        onError: () => {
          throw new Error('broken pipe');
        },
      },
      { clock },
    );
    expect(warnings).toHaveLength(2);
    expect(warnings[1]?.message).toContain('(and 99 times since the last warning)');
  });

  test('that throws while the server is unreachable does not shorten the pauses', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    let calls = 0;
    const fetch: Fetch = () => {
      calls += 1;
      // biome-ignore lint/style/useThrowOnlyError: a hook may throw anything.
      throw undefined;
    };
    const running = consume(createClient({ endpoint: 'http://queue.test', fetch, clock }), {
      ...{ queueName: 'q', clock, random: new SeededRandom(), signal: stop.signal, handler: () => {} },
      onError: () => {
        throw new Error('broken pipe');
      },
    });
    await clock.advance('0');
    expect(calls).toBe(1);
    expect(clock.msToNextTimer()).toBeGreaterThanOrEqual(125);
    await clock.advance('250ms');
    expect(calls).toBe(2);
    stop.abort();
    await running;
  });
});

describe('retryDelayMs', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no delay');
      },
    ],
    ['returns NaN', () => Number.NaN],
    ['returns a negative number', () => -1],
    ['returns Infinity', () => Number.POSITIVE_INFINITY],
    ['returns a promise', async () => 5],
    ['returns a promise that rejects', async () => Promise.reject(new Error('no delay'))],
    ['returns a bigint', () => 5n],
    ['returns a text', () => '5'],
    ['returns nothing', () => undefined],
  ])('that %s leaves the default delay, with a warning', async (_, retryDelayMs) => {
    const { calls, delays } = await consumeAll([['a'], ['bad1'], ['b']], {
      retryDelayMs: retryDelayMs as () => number,
    });
    expect(calls).toEqual(['complete a b', 'retry bad1']);
    // The default delay of a first attempt is 0.5 to 1 s, and the manual clock stands still.
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeLessThanOrEqual(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain("retryDelayMs of the consumer of queue 'q' ");
  });

  test('of more than a year means a year', async () => {
    const { delays } = await consumeAll([['bad1']], { retryDelayMs: () => Number.MAX_VALUE });
    expect(delays).toEqual([365 * 24 * 3_600]);
    expect(warnings).toEqual([]);
  });
});

describe('handler', () => {
  test('may change its item', async () => {
    const { calls } = await consumeAll([['a'], ['bad1']], {
      handler: (item) => {
        const { id } = item;
        Object.assign(item, { id: 'other', attempts: Number.NaN });
        if (id === 'bad1') throw new Error('no');
      },
    });
    expect(calls).toEqual(['complete a', 'retry bad1']);
  });

  test.each([Number.NaN, -1, 0, 0.5, Number.POSITIVE_INFINITY, 1.5])(
    'gets every item with a concurrency of %s',
    async (concurrency) => {
      const { calls } = await consumeAll([['a'], ['b']], { concurrency });
      expect(calls).toEqual(['complete a b']);
    },
  );
});

test('a transport that returns no items at once is called again only after a pause', async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  let calls = 0;
  const fetch: Fetch = async () => {
    calls += 1;
    return protobufReply(200, new Uint8Array());
  };
  const errors: unknown[] = [];
  const running = consume(createClient({ endpoint: 'http://queue.test', fetch, clock }), {
    ...{ queueName: 'q', clock, random: new SeededRandom(), signal: stop.signal, handler: () => {} },
    onError: (error) => errors.push(error),
  });
  await clock.advance('0');
  expect(calls).toBe(1);
  expect(errors).toHaveLength(1);
  await clock.advance('250ms');
  expect(calls).toBe(2);
  stop.abort();
  await running;
});
