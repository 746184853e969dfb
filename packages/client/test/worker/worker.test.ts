import { LIMITS, QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { endpointsV2, unknownMethod } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import {
  createClient,
  Dead,
  MissingCapabilityError,
  RetryAt,
  WorkAborted,
  type WorkerOptions,
  worker,
} from '../../src/index.ts';
import type { QueuePort } from '../../src/port/queue-port.ts';
import { FakeQueue } from '../support/fake-queue.ts';

const decoder = new TextDecoder();

interface Setting {
  readonly leaseTimeout?: string;
  readonly names: readonly string[];
  readonly canExtend?: boolean;
  /** How long the handler of each item takes, in milliseconds; 0 by default. */
  readonly durationsMs?: Readonly<Record<string, number>>;
  readonly port?: (port: QueuePort) => QueuePort;
}

/** A worker of a queue in memory. */
function start(
  { leaseTimeout = '1m', names, canExtend = false, durationsMs = {}, port = (made) => made }: Setting,
  options: Partial<Omit<WorkerOptions<Uint8Array>, 'codec'>> = {},
) {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, leaseTimeout);
  queue.add(...names);
  const log: string[] = [];
  const errors: unknown[] = [];
  const nameOf = (bytes: Uint8Array) => decoder.decode(bytes);
  const running = worker(port(queue.port({ canExtend })), {
    queue: 'q',
    clock,
    random: new SeededRandom(),
    stopSignals: [],
    handler: async ({ bytes }, { signal }) => {
      signal.addEventListener('abort', () => log.push(`${nameOf(bytes)} aborted: ${signal.reason.because}`));
      await new Promise<void>((resolve) => clock.startTimer(durationsMs[nameOf(bytes)] ?? 0, resolve));
    },
    ...options,
    hooks: {
      started: ({ bytes }) => log.push(`${nameOf(bytes)} started`),
      completed: ({ bytes }, { durationMs }) => log.push(`${nameOf(bytes)} completed after ${durationMs} ms`),
      failed: (error, { bytes }, { retryAt }) =>
        log.push(`${nameOf(bytes)} failed: ${error}, ${retryAt === undefined ? 'dead' : 'to be retried'}`),
      lost: () => log.push('lost'),
      error: (error) => errors.push(error),
    },
  });
  return { clock, queue, log, errors, running };
}

describe('a worker', () => {
  test('completes items as their handlers end, and reports them', async () => {
    const it = start({ names: ['a', 'b'], durationsMs: { a: 1_000, b: 500 } }, { concurrency: 2 });
    await it.clock.advance('2s');
    await it.running.stop();
    expect(it.log).toEqual([
      ...['a started', 'b started'],
      ...['b completed after 500 ms', 'a completed after 1000 ms'],
    ]);
    expect(it.queue.left).toEqual([]);
    expect(it.clock.pendingTimers).toBe(0);
  });

  test('asks for the next items before it starts the handlers of those that came', async () => {
    const log: string[] = [];
    const port = (made: QueuePort): QueuePort => ({
      ...{ ...made, discover: () => made.discover?.() ?? Promise.resolve() },
      complete: (call) => made.complete(call),
      retry: (call) => made.retry(call),
      lease: (call, signal) => {
        log.push(`asks for ${call.batchSize}`);
        return made.lease(call, signal);
      },
    });
    const handler = ({ bytes }: { readonly bytes: Uint8Array }) => log.push(decoder.decode(bytes));
    const it = start({ names: ['a', 'b'], port }, { concurrency: 3, handler });
    await it.clock.advance('1ms');
    await it.running.stop();
    expect(log.slice(0, 4)).toEqual(['asks for 3', 'asks for 1', 'a', 'b']);
  });

  test('leases only what can start at once where leases cannot be renewed', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `${n}`);
    const durationsMs = Object.fromEntries(names.map((name) => [name, 10]));
    const it = start({ names, durationsMs }, { concurrency: 2 });
    await it.clock.advance('1s');
    await it.running.stop();
    expect(it.queue.left).toEqual([]);
    expect(Math.max(...it.queue.log.batchSizes)).toBe(2);
  });

  test('renews leases at half of their time, several in one call', async () => {
    const it = start(
      { leaseTimeout: '10s', names: ['a', 'b'], canExtend: true, durationsMs: { a: 32_000, b: 31_000 } },
      { concurrency: 2 },
    );
    await it.clock.advance('4999ms');
    expect(it.queue.log.extended).toEqual([]);
    await it.clock.advance('1ms');
    expect(it.queue.log.extended).toEqual([['a', 'b']]);
    await it.clock.advance('1m');
    await it.running.stop();
    expect(it.queue.log.extended).toHaveLength(6);
    expect(it.queue.log.expired).toEqual([]);
    expect(it.queue.left).toEqual([]);
    expect(it.errors).toEqual([]);
  });

  test('renews for as long as it is told', async () => {
    const it = start(
      { leaseTimeout: '10s', names: ['a'], canExtend: true, durationsMs: { a: 60_000 } },
      { leaseTimeout: '1m' },
    );
    await it.clock.advance('1m');
    await it.running.stop();
    expect(it.queue.log.extended).toHaveLength(2);
    expect(it.queue.left).toEqual([]);
  });

  test('renews no longer than an item may be held', async () => {
    const it = start(
      { leaseTimeout: '10s', names: ['a'], canExtend: true, durationsMs: { a: 3_600_000 } },
      { maxHold: '30s', concurrency: 2 },
    );
    await it.clock.advance('29s');
    expect(it.queue.log.expired).toEqual([]);
    await it.clock.advance('11s');
    expect(it.queue.log.expired).toEqual(['a']);
    expect(it.log.slice(0, 4)).toEqual(['a started', 'a aborted: lease-lost', 'lost', 'a started']);
    const stopped = it.running.stop();
    await it.clock.advance('1m');
    await stopped;
  });

  test('renews at most 1,000 leases in a call', async () => {
    const names = Array.from({ length: 1_500 }, (_, n) => `${n}`);
    const it = start(
      { names, canExtend: true, durationsMs: Object.fromEntries(names.map((name) => [name, 40_000])) },
      { concurrency: 1_500 },
    );
    await it.clock.advance('41s');
    await it.running.stop();
    expect(it.queue.log.extended.map(({ length }) => length)).toEqual([1_000, 500]);
    expect(it.queue.left).toEqual([]);
  });

  test('tries a failed renewal again while the lease runs', async () => {
    let failures = 2;
    const it = start({
      ...{ leaseTimeout: '10s', names: ['a'], canExtend: true, durationsMs: { a: 12_000 } },
      port: (made) => ({
        ...made,
        extend: async (call) => {
          if (failures-- > 0) throw new QueueError('retry', 'busy');
          return (made.extend as NonNullable<QueuePort['extend']>)(call);
        },
      }),
    });
    await it.clock.advance('13s');
    await it.running.stop();
    expect(it.errors).toHaveLength(2);
    expect(it.queue.log.expired).toEqual([]);
    expect(it.queue.log.completed).toEqual([['a']]);
  });

  test('aborts a handler whose lease is lost, and sends nothing for its item', async () => {
    const it = start({ leaseTimeout: '10s', names: ['a'], canExtend: true, durationsMs: { a: 7_000 } });
    await it.clock.advance('1s');
    it.queue.takeAway('a');
    await it.clock.advance('4s');
    expect(it.log).toEqual(['a started', 'a aborted: lease-lost', 'lost']);
    await it.clock.advance('10s');
    await it.running.stop();
    expect(it.log.slice(3)).toEqual([]);
    expect(it.queue.log.completed).toEqual([]);
    expect(it.errors).toEqual([]);
  });

  test.each([
    [true, 'ahead of short handlers where leases can be renewed', 50 * 10 + 50],
    [false, 'only for free handlers where leases cannot be renewed', 50 * 15],
  ])('that can renew: %s, leases %s', async (canExtend, _, tookMs) => {
    const names = Array.from({ length: 200 }, (_item, n) => `${n}`);
    const later = () => new Promise<void>((resolve) => it.clock.startTimer(5, resolve));
    const it: ReturnType<typeof start> = start(
      {
        ...{ names, canExtend, durationsMs: Object.fromEntries(names.map((name) => [name, 10])) },
        port: (made) => ({
          ...made,
          lease: (call, signal) => later().then(() => made.lease(call, signal)),
          complete: (call) => later().then(() => made.complete(call)),
        }),
      },
      { concurrency: 4 },
    );
    await it.clock.advance(`${tookMs + 10}ms`);
    expect(it.queue.left).toEqual([]);
    expect(it.queue.log.completed.length).toBe(200);
    await it.running.stop();
    if (!canExtend) expect(Math.max(...it.queue.log.batchSizes)).toBe(4);
  });

  test('retries a failed item later each time, with its error', async () => {
    const it = start(
      { names: ['a'] },
      {
        handler: () => {
          throw new Error('no luck');
        },
      },
    );
    await it.clock.advance('1ms');
    await it.running.stop();
    expect(it.log).toEqual(['a started', 'a failed: Error: no luck, to be retried']);
    expect(it.queue.log.givenBack).toEqual([
      { id: expect.any(String), dead: false, retryAt: expect.any(BigInt), error: 'Error: no luck' },
    ]);
    expect(it.queue.left).toEqual(['a']);
  });

  test.each([
    ['U+0000', 'a\0b', 'a\ufffdb'],
    ['half a surrogate pair', 'a\ud83d', 'a\ufffd'],
    ['a long text that is cut in a pair', '\u{1f600}'.repeat(1_000), /^(\u{1f600}){340}\ufffd…$/u],
  ])('gives an item back whose error has %s', async (_, thrown, expected) => {
    const it = start(
      { names: ['a'] },
      {
        handler: () => {
          throw new Dead(thrown);
        },
      },
    );
    await it.clock.advance('1ms');
    await it.running.stop();
    const [{ error = '' } = {}] = it.queue.log.givenBack;
    expect(error).toMatch(expected);
    expect(Buffer.byteLength(error)).toBeLessThanOrEqual(LIMITS.itemError);
  });

  test('gives up on an item whose handler throws Dead', async () => {
    const it = start(
      { names: ['a'] },
      {
        handler: () => {
          throw new Dead('wrong address');
        },
      },
    );
    await it.clock.advance('1ms');
    await it.running.stop();
    expect(it.log).toEqual(['a started', 'a failed: Dead: wrong address, dead']);
    expect(it.queue.log.givenBack).toMatchObject([{ dead: true, error: 'wrong address' }]);
  });

  test('retries an item at the time that its handler throws', async () => {
    const at = new Date('2026-01-02T00:00:00Z');
    const it = start(
      { names: ['a'] },
      {
        handler: () => {
          throw new RetryAt(at, 'too early');
        },
      },
    );
    await it.clock.advance('1ms');
    await it.running.stop();
    const retryAt = BigInt(at.getTime()) * 1_000n;
    expect(it.queue.log.givenBack).toMatchObject([{ dead: false, retryAt, error: 'too early' }]);
  });

  test('takes a delay from its options, and the default if that is none', async () => {
    const delays = ['1h', 90_000, 'soon', Number.NaN];
    const it = start(
      { names: ['a', 'b', 'c', 'd'] },
      {
        retryDelay: () => delays.shift() as string | number,
        handler: () => {
          throw new Error('no');
        },
      },
    );
    const now = it.clock.now();
    await it.clock.advance('0');
    await it.running.stop();
    const waits = it.queue.log.givenBack.map(({ retryAt = 0n }) => Number(retryAt - now) / 1_000);
    expect(waits.slice(0, 2)).toEqual([3_600_000, 90_000]);
    for (const wait of waits.slice(2)) expect(wait).toBeLessThanOrEqual(1_000);
  });

  test('gives an item back when the handler timeout passes, and starts no other until the handler ends', async () => {
    const it = start(
      { names: ['a', 'b'], durationsMs: { a: 5_000 } },
      { handlerTimeout: '2s', retryDelay: () => '1h' },
    );
    await it.clock.advance('4s');
    expect(it.log).toEqual([
      'a started',
      'a aborted: handler-timeout',
      'a failed: WorkAborted: the handler timeout has passed, to be retried',
    ]);
    await it.clock.advance('1s');
    expect(it.log.slice(3)).toEqual(['b started', 'b completed after 0 ms']);
    await it.running.stop();
  });

  test('repeats a complete for as long as the lease runs', async () => {
    const it: ReturnType<typeof start> = start({
      ...{ leaseTimeout: '10s', names: ['a'], canExtend: true },
      port: (made) => ({
        ...made,
        complete: async (call) => {
          if (it.clock.now() < outageEnds) throw new QueueError('retry', 'storage failed');
          return made.complete(call);
        },
      }),
    });
    const outageEnds = it.clock.now() + 90_000_000n;
    await it.clock.advance('2m');
    await it.running.stop();
    expect(it.log).toEqual(['a started', expect.stringMatching(/^a completed after/)]);
    expect(it.queue.log.expired).toEqual([]);
    expect(it.errors.length).toBeGreaterThan(6);
  });

  test('sends again only the items of a call that could not be completed', async () => {
    const calls: number[] = [];
    const it = start(
      {
        names: ['a', 'b', 'c'],
        port: (made) => ({
          ...made,
          complete: async (call) => {
            calls.push(call.ids.length);
            const [first, ...others] = call.ids;
            if (calls.length > 1 || first === undefined) return made.complete(call);
            await made.complete({ ...call, ids: others });
            return new Map([[first, new QueueError('retry', 'try again', { reason: 'outcome_unknown' })]]);
          },
        }),
      },
      { concurrency: 3, handler: () => {} },
    );
    await it.clock.advance('1s');
    await it.running.stop();
    expect(calls).toEqual([3, 1]);
    expect(it.queue.left).toEqual([]);
    expect(it.errors).toHaveLength(1);
  });

  test('waits as long as the server asks for', async () => {
    let refusals = 1;
    const it = start({
      names: ['a'],
      port: (made) => ({
        ...made,
        lease: async (call, signal) => {
          if (refusals-- > 0) throw new QueueError('limited', 'slower', { retryAfterMs: 20_000 });
          return made.lease(call, signal);
        },
      }),
    });
    await it.clock.advance('19s');
    expect(it.log).toEqual([]);
    await it.clock.advance('2s');
    expect(it.log[0]).toBe('a started');
    await it.running.stop();
  });

  test.each([{ leaseTimeout: '1m' }, { maxHold: '1h' }])(
    'ends if its server cannot do what %j asks for',
    async (options) => {
      const it = start({ names: ['a'] }, options);
      const error = await it.running.done.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(MissingCapabilityError);
      expect(error).toMatchObject({
        capability: 'queue.extend',
        message: `the option ${Object.keys(options)[0]} needs a server with the capability 'queue.extend', and the server does not have it`,
      });
      expect(it.queue.left).toEqual(['a']);
    },
  );

  test('works with a server without v2', async () => {
    const clock = new ManualClock();
    const queue = new FakeQueue(clock, '10s');
    queue.add('a', 'b', 'c');
    const server = queue.server().on(endpointsV2.server.info, () => {
      throw unknownMethod('/v2/server.info');
    });
    const client = createClient({ endpoint: 'http://queue.test', fetch: server.fetch, clock });
    const handled: string[] = [];
    const running = worker(client, {
      ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [] },
      handler: async (item) => {
        handled.push(`${decoder.decode(item.bytes)} ${item.firstId} ${Object.keys(item.metadata).length}`);
        await new Promise<void>((resolve) => clock.startTimer(1_000, resolve));
      },
    });
    await clock.advance('4s');
    await running.stop();
    expect(handled).toEqual(['a undefined 0', 'b undefined 0', 'c undefined 0']);
    expect(queue.log.completed).toEqual([['a'], ['b'], ['c']]);
    expect(new Set(queue.log.batchSizes)).toEqual(new Set([1]));
  });

  test('ends with the error of a lease that cannot succeed', async () => {
    const it = start({
      names: [],
      port: (made) => ({ ...made, lease: () => Promise.reject(new QueueError('invalid', 'no such queue')) }),
    });
    await expect(it.running.done).rejects.toThrow('no such queue');
  });

  test.each([
    [{ concurrency: 0 }, "concurrency is invalid; '0'"],
    [{ concurrency: 1.5 }, "concurrency is invalid; '1.5'"],
    [{ handlerTimeout: 'soon' }, 'handlerTimeout is invalid'],
    [{ stopTimeout: -1 }, "stopTimeout is invalid; '-1'"],
    [{ maxHold: 'soon' }, 'maxHold is invalid'],
    [{ leaseTimeout: Number.NaN }, "leaseTimeout is invalid; 'NaN'"],
  ])('refuses the options %j', (options, message) => {
    expect(() => start({ names: [] }, options)).toThrow(new TypeError(message).message);
  });
});

describe('a stop', () => {
  test('waits for the handlers at work, starts nothing, and gives back the rest', async () => {
    const it = start({ names: ['a', 'b', 'c'], durationsMs: { a: 3_000 } });
    // A queue that hands out more than was asked for.
    it.queue.leasesAtLeast = 3;
    await it.clock.advance('1s');
    const stopped = it.running.stop();
    await it.clock.advance('0');
    expect(it.queue.log.retried.flat()).toEqual(['b', 'c']);
    await it.clock.advance('2s');
    await stopped;
    expect(it.log).toEqual(['a started', 'a completed after 3000 ms']);
    expect(it.queue.left).toEqual(['b', 'c']);
  });

  test('aborts the handlers after the stop timeout', async () => {
    const it = start(
      { names: ['a'] },
      {
        stopTimeout: '10s',
        handler: (_, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      },
    );
    await it.clock.advance('1s');
    const stopped = it.running.stop();
    await it.clock.advance('9999ms');
    expect(it.running.running).toBe(1);
    await it.clock.advance('1ms');
    await stopped;
    expect(it.log).toEqual([
      'a started',
      'a failed: WorkAborted: the stop timeout of the worker has passed, to be retried',
    ]);
    expect(it.clock.pendingTimers).toBe(0);
  });

  test('gives back the items of handlers that do not end when they are aborted', async () => {
    const it = start({ names: ['a'] }, { stopTimeout: '10s', handler: () => new Promise(() => {}) });
    await it.clock.advance('1s');
    const stopped = it.running.stop();
    await it.clock.advance('13s');
    await stopped;
    expect(it.queue.log.retried).toEqual([['a']]);
    expect(it.queue.left).toEqual(['a']);
  });

  test('does not wait for a server that is gone', async () => {
    const it = start({
      names: ['a'],
      port: (made) => ({
        ...made,
        complete: () => Promise.reject(new QueueError('retry', 'storage failed')),
      }),
    });
    await it.clock.advance('10s');
    const stopped = it.running.stop();
    // The stop timeout, and a few more attempts.
    await it.clock.advance('40s');
    await stopped;
    expect(it.queue.left).toEqual(['a']);
  });

  test('comes from a signal, and from leaving the scope', async () => {
    const stop = new AbortController();
    const it = start({ names: [] }, { signal: stop.signal });
    stop.abort();
    await it.running.done;
    const already = start({ names: ['a'] }, { signal: stop.signal });
    await already.running.done;
    expect(already.queue.left).toEqual(['a']);
    await using other = start({ names: [] }).running;
    expect(other.running).toBe(0);
  });

  test('keeps the leases of the handlers at work', async () => {
    const it = start({ leaseTimeout: '4s', names: ['a'], canExtend: true, durationsMs: { a: 20_000 } });
    await it.clock.advance('1s');
    const stopped = it.running.stop();
    await it.clock.advance('19s');
    await stopped;
    expect(it.queue.log.completed).toEqual([['a']]);
    expect(it.queue.log.expired).toEqual([]);
  });
});

test('the reason of an aborted handler is exported', () => {
  expect(new WorkAborted('lease-lost')).toMatchObject({ because: 'lease-lost', name: 'WorkAborted' });
});
