import { beforeEach, expect, test } from 'vitest';
import type { ItemBudget } from '../src/index.ts';
import { Harness, watch } from './support/harness.ts';

/** A budget of bytes that records what is taken. */
class Budget implements ItemBudget {
  used = 0;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  readonly take = (bytes: number) => {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  };

  readonly release = (bytes: number) => {
    this.used -= bytes;
  };
}

let budget: Budget;
let h: Harness;

beforeEach(async () => {
  budget = new Budget(10_000);
  h = new Harness({}, budget);
  await h.create('q');
  await h.produce('q', ['first']);
  await h.service.queue.stats('q');
});

test('waiting items hold bytes of the budget until storage has them', async () => {
  const release = h.storage.hold('produce', 0);
  const answer = watch(h.produce('q', ['x'.repeat(1_000)]));
  await h.settle();
  expect(budget.used).toBeGreaterThan(1_000);
  release();
  await h.settle();
  expect(answer.state).toBe('fulfilled');
  expect(budget.used).toBe(0);
});

test('beyond the budget a request is refused as overload, on every queue, and nothing is stored', async () => {
  await h.create('other');
  h.storage.hold('produce', 0);
  const waiting = watch(h.produce('q', ['x'.repeat(9_000)]));
  await h.settle();
  const refused = watch(h.produce('other', ['x'.repeat(1_000)]));
  await h.settle();
  expect(waiting.state).toBe('pending');
  expect(refused.error).toMatchObject({ code: 'retry', message: 'queue is overloaded; try again later' });
  expect(await h.payloads('other')).toEqual([]);
});

test('empty items count too', async () => {
  h.storage.cut(0);
  watch(
    h.produce(
      'q',
      Array.from({ length: 40 }, () => ''),
    ),
  );
  await h.settle();
  expect(budget.used).toBeGreaterThan(40 * 200);
});

test('a request in flight holds its bytes until the statement ends, even after the reply to its caller', async () => {
  const release = h.storage.hold('produce', 0);
  const answer = watch(h.produce('q', ['x'.repeat(1_000)], '2s'));
  await h.clock.advance('3s');
  expect(answer.error?.message).toBe('request outcome unknown; items may have been produced');
  expect(budget.used).toBeGreaterThan(1_000);
  release();
  await h.settle();
  expect(budget.used).toBe(0);
});

test('a request that times out before it was sent returns its bytes', async () => {
  h.storage.cut(0);
  const answer = watch(h.produce('q', ['x'], '2s'));
  await h.clock.advance('1s');
  expect(budget.used).toBeGreaterThan(0);
  await h.clock.advance('2s');
  expect(answer.state).toBe('rejected');
  expect(budget.used).toBe(0);
});

const call = {
  queueName: 'q',
  requestTimeout: '1m',
  items: [{ encoding: '', kind: '', reference: '', payload: new Uint8Array(100) }],
};

test('a caller that leaves while listened to returns its bytes', async () => {
  h.storage.cut(0);
  const leaving = new AbortController();
  watch(h.service.queue.produce(call, { signal: leaving.signal }));
  await h.settle();
  expect(budget.used).toBe(300);
  leaving.abort();
  await h.settle();
  expect(budget.used).toBe(0);
});

test('a caller that proves to have left when its turn comes returns its bytes', async () => {
  const release = h.storage.hold('produce', 0);
  watch(h.produce('q', ['busy']));
  await h.settle();
  let isGone = false;
  const { signal } = new AbortController();
  watch(h.service.queue.produce(call, { signal, isGone: () => isGone }));
  await h.settle();
  expect(budget.used).toBeGreaterThan(300);
  isGone = true;
  release();
  await h.settle();
  expect(budget.used).toBe(0);
  expect(await h.payloads('q')).toEqual(['first', 'busy']);
});

test('a caller that had left before holds no bytes', async () => {
  watch(h.service.queue.produce(call, { signal: AbortSignal.abort() }));
  await h.settle();
  expect(budget.used).toBe(0);
});

test('items that a failed statement did not store keep their bytes, and return them once', async () => {
  h.storage.fail('produce', 0, 'not-applied');
  const answer = watch(h.produce('q', ['x'.repeat(1_000)]));
  await h.settle();
  expect(answer.state).toBe('pending');
  expect(budget.used).toBeGreaterThan(1_000);
  h.storage.heal(0);
  await h.clock.advance('5s');
  expect(answer.state).toBe('fulfilled');
  expect(budget.used).toBe(0);
});

test('a caller that leaves while storage refuses its items returns its bytes once', async () => {
  h.storage.fail('produce', 0, 'not-applied');
  const release = h.storage.hold('produce', 0, 'before');
  const leaving = new AbortController();
  watch(h.service.queue.produce(call, { signal: leaving.signal }));
  await h.settle();
  leaving.abort();
  await h.settle();
  expect(budget.used).toBe(300);
  release();
  await h.settle();
  expect(budget.used).toBe(0);
});

test('an unknown outcome returns the bytes', async () => {
  h.storage.fail('produce', 0, 'unknown-lost');
  const answer = watch(h.produce('q', ['x']));
  await h.settle();
  expect(answer.state).toBe('rejected');
  expect(budget.used).toBe(0);
});

test('a stop returns the bytes of waiting requests and of those in flight', async () => {
  const release = h.storage.hold('produce', 0);
  watch(h.produce('q', ['in flight']));
  await h.settle();
  watch(h.produce('q', ['waits']));
  await h.settle();
  const stopped = h.service.shutdown();
  release();
  await stopped;
  expect(budget.used).toBe(0);
});
