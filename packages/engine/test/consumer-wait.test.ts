import { type Instant, millisecondsBetween } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConsumerWait } from '../src/loops/consumer-wait.ts';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

/** A queue whose only consumer has just been served, by a lease that took a millisecond. */
async function justServed() {
  const h = new Harness({ statementsInFlight: 2 });
  await h.create('q');
  await h.produce('q', ['before']);
  const release = h.storage.hold('lease', 0);
  const served = watch(h.lease('q', 10));
  await h.settle();
  await h.clock.advance('1ms');
  release();
  await h.settle();
  expect(served.value?.items.map(payloadOf)).toEqual(['before']);
  return h;
}

/** Produces items with keys of their own. */
function produce(h: Harness, texts: readonly string[], signal?: AbortSignal) {
  return watch(
    h.service.keyedProduces.produce(
      {
        ...{ queueName: 'q', requestTimeout: '1m', dedupKey: '', dedupWindow: '' },
        ...{ items: texts.map((text) => item(text)), itemKeys: texts },
      },
      { signal },
    ),
  );
}

const statements = (h: Harness) => [h.storage.count('produceKeyed'), h.storage.count('produceKeyedAndLease')];

test('a produce with a key waits for a consumer that was just served, and its statement leases for it', async () => {
  const h = await justServed();
  const leases = h.storage.count('lease');
  const produced = produce(h, ['a']);
  await h.settle();
  expect([produced.state, statements(h)]).toEqual(['pending', [0, 0]]);
  const again = watch(h.lease('q', 10));
  await h.settle();
  expect(again.value?.items.map(payloadOf)).toEqual(['a']);
  expect([produced.state, statements(h), h.storage.count('lease')]).toEqual(['fulfilled', [0, 1], leases]);
});

test('a produce waits until a consumer has taken what was stored before, and asks for more', async () => {
  const h = await justServed();
  await h.produce('q', ['older']);
  const produced = produce(h, ['a']);
  await h.settle();
  const first = watch(h.lease('q', 10));
  await h.settle();
  expect([first.value?.items.map(payloadOf), produced.state]).toEqual([['older'], 'pending']);
  const second = watch(h.lease('q', 10));
  await h.settle();
  expect([second.value?.items.map(payloadOf), produced.state]).toEqual([['a'], 'fulfilled']);
});

test('a produce whose consumer does not come is stored after 4 milliseconds, and the next ones at once', async () => {
  const h = await justServed();
  const produced = produce(h, ['a']);
  await h.clock.advance('3ms');
  expect(produced.state).toBe('pending');
  await h.clock.advance('1ms');
  expect([produced.state, statements(h)]).toEqual(['fulfilled', [1, 0]]);
  for (const text of ['b', 'c', 'd']) {
    const next = produce(h, [text]);
    await h.settle();
    expect(next.state).toBe('fulfilled');
  }
  expect(await h.payloads('q')).toEqual(['before', 'a', 'b', 'c', 'd']);
});

test('a produce does not wait if no consumer was served in the last 10 milliseconds', async () => {
  const h = await justServed();
  await h.clock.advance('10ms');
  const produced = produce(h, ['a']);
  await h.settle();
  expect(produced.state).toBe('fulfilled');
});

test('a produce of more than 50 items does not wait', async () => {
  const h = await justServed();
  const produced = produce(
    h,
    Array.from({ length: 51 }, (_, n) => `item ${n}`),
  );
  await h.settle();
  expect(produced.state).toBe('fulfilled');
});

test('a produce that waits is not stored if its caller leaves or the queue stops', async () => {
  const h = await justServed();
  const leaving = new AbortController();
  const left = produce(h, ['left'], leaving.signal);
  const stays = produce(h, ['stays']);
  await h.settle();
  leaving.abort();
  await h.settle();
  expect(left.state).toBe('rejected');
  const done = watch(h.service.shutdown());
  await h.settle();
  expect([stays.value, done.state]).toMatchObject([[{ error: { code: 'failed' } }], 'fulfilled']);
  expect(statements(h)).toEqual([0, 0]);
});

test('waits never last longer than 5 milliseconds, and in all not longer than they pay', async () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ items: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ isReady: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ isNear: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ leaseMs: fc.constantFrom(0, 0.05, 0.2, 3, 100) }) },
    { weight: 2, arbitrary: fc.record({ advanceMs: fc.integer({ min: 1, max: 6 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 200, size: 'max' }), async (events) => {
      const run = new WaitRun();
      for (const each of events) {
        if ('advanceMs' in each) await run.clock.advance(`${each.advanceMs}ms`);
        else if ('items' in each) run.ask(each.items);
        else run.change(each);
        expect(run.longestMs).toBeLessThanOrEqual(5);
        // The first ones are made before any has paid, and the last one is paid afterwards.
        expect(run.waitedMs).toBeLessThanOrEqual(25 + 5 + run.savedMs / 2 + run.missedMs / 64);
      }
    }),
  );
});

/** Statements that ask whether they wait. */
class WaitRun {
  readonly clock = new ManualClock();
  readonly #now = { isReady: false, isNear: true, leaseMs: 1 };
  #changes: (() => void)[] = [];
  #waiting: { items: number; since: Instant } | undefined;
  waitedMs = 0;
  longestMs = 0;
  /** The leases that statements have saved, and those that they have not. */
  savedMs = 0;
  missedMs = 0;
  readonly #wait = new ConsumerWait(
    this.clock,
    {
      isReady: () => this.#now.isReady,
      areNear: () => this.#now.isNear,
      leaseMs: () => this.#now.leaseMs,
      whenChanged: (callback) => this.#changes.push(callback),
    },
    () => {
      if (this.#waiting !== undefined) this.ask(this.#waiting.items);
    },
  );

  change(
    to: { readonly isReady: boolean } | { readonly isNear: boolean } | { readonly leaseMs: number },
  ): void {
    Object.assign(this.#now, to);
    if ('isReady' in to) for (const callback of this.#changes.splice(0)) callback();
  }

  /** Asks for a statement with so many items, or with those that wait already. */
  ask(items: number): void {
    const since = this.#waiting?.since ?? this.clock.now();
    const all = Math.max(items, this.#waiting?.items ?? 0);
    const waitedMs = millisecondsBetween(since, this.clock.now());
    this.longestMs = Math.max(this.longestMs, waitedMs);
    this.#waiting = this.#wait.holds(all) ? { items: all, since } : undefined;
    if (this.#waiting !== undefined) return;
    this.waitedMs += waitedMs;
    if (this.#now.isReady) this.savedMs += this.#now.leaseMs;
    else this.missedMs += this.#now.leaseMs;
  }
}
