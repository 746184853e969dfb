import { type LeasedItem, MESSAGES, QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { codecs, queueEndpoints, SUCCESS_REPLY } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { type ConsumeOptions, consume, createClient } from '../src/index.ts';
import { FakeServer, failureOf } from './support/fake-server.ts';

const decoder = new TextDecoder();

/** A server whose leases return the next of these batches, or fail with the next error. Then they wait. */
function consumer(leases: readonly (readonly string[] | Error)[], options: Partial<ConsumeOptions> = {}) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const idle = Promise.withResolvers<void>();
  const completed: string[][] = [];
  const retried: { id: string; retryAt: number | undefined }[][] = [];
  const refusals: Error[] = [];
  const handled: string[] = [];
  const errors: unknown[] = [];
  const waiting = leases.values();
  const refuse = () => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
  };
  const server = new FakeServer()
    .on(queueEndpoints.lease, async (request, signal) => {
      const { value: next, done } = waiting.next();
      if (done) {
        idle.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
      if (next instanceof Error) throw next;
      const items = (next ?? []).map((id) => ({
        id,
        attempts: 1,
        bytes: new TextEncoder().encode(`payload of ${id}`),
      }));
      return codecs.QueueLeaseResponse.create({ queueName: request.queueName, partition: 3, items });
    })
    .on(queueEndpoints.complete, ({ ids }) => {
      refuse();
      completed.push(ids);
      return SUCCESS_REPLY;
    })
    .on(queueEndpoints.retry, ({ items }) => {
      refuse();
      retried.push(items.map(({ id, retryAt }) => ({ id, retryAt: retryAt?.seconds })));
      return SUCCESS_REPLY;
    });
  const running = consume(createClient({ endpoint: 'http://queue.test', fetch: server.fetch, clock }), {
    queueName: 'q',
    clock,
    random: new SeededRandom(),
    signal: stop.signal,
    handler: ({ payload }) => {
      handled.push(decoder.decode(payload));
    },
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    clock,
    stop,
    idle: idle.promise.then(startedAll),
    completed,
    retried,
    refusals,
    handled,
    errors,
    server,
    running,
  };
}

/** The handlers of the last items start right after the next lease was sent. */
function startedAll(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

describe('the consumer', () => {
  test('leases, handles, completes, and stops when aborted', async () => {
    const it = consumer([['a', 'b'], ['c']], { batchSize: 3, concurrency: 2, clientId: 'me' });
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.handled).toEqual(['payload of a', 'payload of b', 'payload of c']);
    expect(it.completed.flat()).toEqual(['a', 'b', 'c']);
    expect(it.errors).toEqual([]);
    expect(it.server.received[0]?.request).toEqual({
      queueName: 'q',
      clientId: 'me',
      batchSize: 2,
      requestTimeout: '1m',
    });
    const complete = it.server.received.find(({ url }) => url.endsWith(queueEndpoints.complete.path));
    expect(complete?.request).toMatchObject({ partition: 3 });
  });

  test('retries failed items, later each time, and completes the rest', async () => {
    const failed: (string | undefined)[] = [];
    const it = consumer([['a'], ['b'], ['c']], {
      handler: ({ id }) => {
        if (id === 'b') throw new Error('no');
      },
      onError: (_, item?: LeasedItem) => failed.push(item?.id),
      retryDelayMs: (attempts) => attempts * 60_000,
    });
    const now = Number(it.clock.now() / 1_000_000n);
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(failed).toEqual(['b']);
    expect(it.completed).toEqual([['a', 'c']]);
    expect(it.retried).toEqual([[{ id: 'b', retryAt: now + 60 }]]);
  });

  test('handles a limited number of items at a time, and starts them in order', async () => {
    const started: string[] = [];
    let most = 0;
    let atWork = 0;
    const it = consumer([['a', 'b'], ['c'], ['d'], ['e']], {
      concurrency: 2,
      handler: async ({ id }) => {
        started.push(id);
        atWork += 1;
        most = Math.max(most, atWork);
        await new Promise((resolve) => setImmediate(resolve));
        atWork -= 1;
      },
    });
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(most).toBe(2);
    expect(it.completed.flat().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('finishes and completes the item at work when it is aborted', async () => {
    const it = consumer([['a'], ['b']], {
      handler: (_, { signal }) => {
        it.stop.abort();
        expect(signal.aborted).toBe(true);
      },
    });
    await it.running;
    expect(it.completed).toEqual([['a']]);
  });

  test('sends the next lease at once if no item arrived in time', async () => {
    const it = consumer([new QueueError('retry', MESSAGES.leaseTimedOut), ['a']]);
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.completed).toEqual([['a']]);
    expect(it.errors).toEqual([]);
  });

  test('waits longer and longer while the server is busy', async () => {
    const overload = new QueueError('retry', MESSAGES.overloaded);
    const it = consumer([overload, overload, overload, ['a']]);
    const waits: number[] = [];
    for (let failures = 1; failures <= 3; failures++) {
      await it.clock.advance('0');
      const wait = it.clock.msToNextTimer() ?? 0;
      waits.push(wait);
      await it.clock.advance(`${Math.ceil(wait)}ms`);
    }
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.errors).toHaveLength(3);
    expect(it.completed).toEqual([['a']]);
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(125 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(250 * 2 ** index);
    }
  });

  test('stops during such a wait', async () => {
    const it = consumer([new QueueError('failed', MESSAGES.serviceShutdown)]);
    await it.clock.advance('0');
    it.stop.abort();
    await it.running;
    expect(it.errors).toHaveLength(1);
  });

  test('throws if waiting does not help', async () => {
    const error = new QueueError('invalid', "queue does not exist; no such queue named 'q'");
    expect(await failureOf(consumer([error]).running)).toMatchObject({ message: error.message });
  });
});

describe('completing', () => {
  /** Items that are handled together, so that one call completes them. */
  const together = { concurrency: 3 };

  test('is repeated while the server is busy', async () => {
    const it = consumer([['a', 'b']], together);
    it.refusals.push(new QueueError('retry', MESSAGES.storageFailed));
    await it.clock.advance('1s');
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.completed).toEqual([['a', 'b']]);
    expect(it.errors).toHaveLength(1);
  });

  test('is sent in parts if one of the items cannot be completed', async () => {
    const it = consumer([['a', 'b', 'c', 'd']], { concurrency: 4 });
    const refusal = new QueueError(
      'invalid',
      "conflict; item(s) cannot be completed; 'a' is not marked as leased",
    );
    it.refusals.push(refusal, refusal, refusal);
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.completed).toEqual([['b'], ['c', 'd']]);
    expect(it.errors).toEqual([expect.objectContaining({ message: refusal.message })]);
  });

  test('counts as done if the items are gone after a lost answer', async () => {
    const it = consumer([['a', 'b']], together);
    it.refusals.push(
      new QueueError('retry', MESSAGES.storageFailed, { reason: 'outcome_unknown' }),
      ...Array.from({ length: 3 }, () => new QueueError('invalid', 'gone', { reason: 'lease_lost' })),
    );
    await it.clock.advance('1s');
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.refusals).toEqual([]);
    expect(it.errors).toHaveLength(1);
  });

  test('that keeps failing is reported, and the consumer continues', async () => {
    const it = consumer([['a'], ['b']], {
      handler: async ({ id }) => {
        // Ends only after the complete of the item before has failed.
        if (id === 'b') await it.clock.advance('0');
      },
    });
    it.refusals.push(...Array.from({ length: 6 }, () => new QueueError('retry', MESSAGES.storageFailed)));
    await it.clock.advance('1m');
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.errors).toHaveLength(6);
    expect(it.refusals).toEqual([]);
  });

  test('that is repeated holds up further leases', async () => {
    const it = consumer([['a'], ['b']], {
      handler: ({ id }) => {
        it.handled.push(id);
        return new Promise<void>((resolve) => setImmediate(resolve));
      },
    });
    it.refusals.push(...Array.from({ length: 2 }, () => new QueueError('retry', MESSAGES.storageFailed)));
    await it.clock.advance('0');
    const before = it.server.received.length;
    await it.clock.advance('100ms');
    expect(it.server.received.length).toBe(before);
    await it.clock.advance('1s');
    await it.idle;
    it.stop.abort();
    await it.running;
    expect(it.handled).toEqual(['a', 'b']);
    expect(it.completed.flat()).toEqual(['a', 'b']);
  });
});
