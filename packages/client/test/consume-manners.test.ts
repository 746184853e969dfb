import { ManualClock, SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { type ConsumeOptions, consume, createClient } from '../src/index.ts';
import { FakeQueue } from './support/fake-queue.ts';

const decoder = new TextDecoder();

/** A consumer of a queue in memory, whose handlers take as long as `durations` says. */
function start(
  { leaseTimeout, names }: { readonly leaseTimeout: string; readonly names: readonly string[] },
  options: Partial<ConsumeOptions> & { readonly durationsMs: Readonly<Record<string, number>> },
) {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, leaseTimeout);
  queue.add(...names);
  const stop = new AbortController();
  const started: string[] = [];
  const aborted: string[] = [];
  const errors: unknown[] = [];
  const { durationsMs, ...given } = options;
  const client = createClient({ endpoint: 'http://queue.test', fetch: queue.server().fetch, clock });
  const running = consume(client, {
    queueName: 'q',
    clock,
    random: new SeededRandom(),
    signal: stop.signal,
    onError: (error) => errors.push(error),
    handler: async ({ payload }, { signal }) => {
      const name = decoder.decode(payload);
      started.push(name);
      signal.addEventListener('abort', () => aborted.push(name));
      await new Promise<void>((resolve) => clock.startTimer(durationsMs[name] ?? 0, resolve));
    },
    ...given,
  });
  return { clock, queue, stop, started, aborted, errors, running };
}

describe('a consumer', () => {
  test('completes each of six items of 1 s once, one at a time, on leases of 2 s', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const it = start(
      { leaseTimeout: '2s', names },
      { durationsMs: Object.fromEntries(names.map((name) => [name, 1_000])) },
    );
    await it.clock.advance('7s');
    it.stop.abort();
    await it.running;
    expect(it.started).toEqual(names);
    expect(it.queue.log.completed.flat()).toEqual(names);
    expect(it.queue.log.expired).toEqual([]);
    expect(it.queue.left).toEqual([]);
    expect(it.errors).toEqual([]);
  });

  test('goes on with four handlers while the fifth takes 4 s', async () => {
    const names = ['slow', ...Array.from({ length: 16 }, (_, n) => `item ${n}`)];
    const it = start(
      { leaseTimeout: '1m', names },
      {
        concurrency: 5,
        durationsMs: Object.fromEntries(names.map((name) => [name, name === 'slow' ? 4_000 : 1_000])),
      },
    );
    await it.clock.advance('3900ms');
    expect(it.started).toHaveLength(17);
    expect(it.queue.log.completed.flat()).toEqual(names.slice(1, 13));
    await it.clock.advance('200ms');
    expect(it.queue.left).toEqual([]);
    it.stop.abort();
    await it.running;
  });

  test('leases only what free handlers can start at once', async () => {
    const names = Array.from({ length: 9 }, (_, n) => `item ${n}`);
    const it = start(
      { leaseTimeout: '1m', names },
      {
        batchSize: 10,
        concurrency: 3,
        durationsMs: Object.fromEntries(names.map((name, n) => [name, 1_000 * (n + 1)])),
      },
    );
    await it.clock.advance('1ms');
    expect(it.queue.log.batchSizes).toEqual([3]);
    await it.clock.advance('1s');
    expect(it.queue.log.batchSizes).toEqual([3, 1]);
    it.stop.abort();
    await it.clock.advance('10s');
    await it.running;
  });

  test('completes an item while others are handled', async () => {
    const it = start(
      { leaseTimeout: '1m', names: ['slow', 'a'] },
      { concurrency: 2, durationsMs: { slow: 10_000, a: 1_000 } },
    );
    await it.clock.advance('1500ms');
    expect(it.queue.log.completed).toEqual([['a']]);
    it.stop.abort();
    await it.clock.advance('10s');
    await it.running;
    expect(it.queue.log.completed).toEqual([['a'], ['slow']]);
  });

  test('aborts the signal of a handler whose lease has ended', async () => {
    const it = start({ leaseTimeout: '2s', names: ['long'] }, { durationsMs: { long: 3_000 } });
    await it.clock.advance('1999ms');
    expect(it.aborted).toEqual([]);
    await it.clock.advance('1ms');
    expect(it.aborted).toEqual(['long']);
    it.stop.abort();
    await it.clock.advance('10s');
    await it.running;
  });

  test('gives back at once what it has not started when it stops', async () => {
    const it = start({ leaseTimeout: '1m', names: ['a', 'b', 'c'] }, { durationsMs: { a: 1_000 } });
    // A server that hands out more than was asked for.
    it.queue.leasesAtLeast = 3;
    await it.clock.advance('10ms');
    expect(it.started).toEqual(['a']);
    it.stop.abort();
    await it.clock.advance('1ms');
    expect(it.queue.log.retried).toEqual([['b', 'c']]);
    await it.clock.advance('1s');
    await it.running;
    expect(it.queue.log.completed).toEqual([['a']]);
    expect(it.queue.left).toEqual(['b', 'c']);
  });

  test('does not start an item whose lease ended while its lease reply was on the way', async () => {
    const it = start({ leaseTimeout: '2s', names: ['late'] }, { durationsMs: {} });
    const take = it.queue.lease.bind(it.queue);
    let calls = 0;
    it.queue.lease = async (batchSize, signal) => {
      const items = await take(batchSize, signal);
      calls++;
      if (calls === 1) await new Promise<void>((resolve) => it.clock.startTimer(2_000, resolve));
      return items;
    };
    await it.clock.advance('1999ms');
    expect(it.started).toEqual([]);
    await it.clock.advance('1s');
    expect(it.started).toEqual(['late']);
    expect(it.queue.log.expired).toEqual(['late']);
    it.stop.abort();
    await it.running;
    expect(it.queue.log.completed).toEqual([['late']]);
  });
});
