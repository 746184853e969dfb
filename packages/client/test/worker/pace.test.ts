import type { Instant } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { Pace } from '../../src/worker/pace.ts';

/** What a pace says after handlers and calls of these lengths. */
async function aheadOf(concurrency: number, { handlerMs, callMs }: { handlerMs: number; callMs: number }) {
  const clock = new ManualClock();
  const pace = new Pace(clock);
  for (let n = 0; n < 50; n++) {
    const start = clock.now();
    await clock.advance(`${handlerMs}ms`);
    pace.handled(start);
    const sentAt = clock.now();
    await clock.advance(`${callMs}ms`);
    pace.called(sentAt);
  }
  return pace.ahead(concurrency);
}

test('nothing is leased ahead before handlers and calls were measured', () => {
  expect(new Pace(new ManualClock()).ahead(10)).toBe(0);
});

test.each([
  ['a lease counts until a call is known', { leaseMs: 3, calls: [] }, 12],
  ['a lease that may have waited does not', { leaseMs: 101, calls: [] }, 0],
  ['and none counts after that', { leaseMs: 3, calls: [5] }, 20],
])('%s', async (_, { leaseMs, calls }, ahead) => {
  const clock = new ManualClock();
  const pace = new Pace(clock);
  const timed = async (ms: number, take: (start: Instant) => void) => {
    const start = clock.now();
    await clock.advance(`${ms}ms`);
    take(start);
  };
  await timed(200, (start) => pace.handled(start));
  for (const ms of calls) await timed(ms, (start) => pace.called(start));
  await timed(leaseMs, (start) => pace.leased(start));
  expect(pace.ahead(100)).toBe(ahead);
});

test.each([
  ['as many as start during eight calls', 100, { handlerMs: 100, callMs: 3 }, 24],
  ['one for each of short handlers, which may end together', 100, { handlerMs: 40, callMs: 3 }, 100],
  ['more for handlers that are shorter than eight calls', 100, { handlerMs: 20, callMs: 3 }, 120],
  ['at most two for each handler', 100, { handlerMs: 1, callMs: 10 }, 200],
  ['a few of a single handler', 1, { handlerMs: 0, callMs: 2 }, 16],
  ['none of long handlers', 100, { handlerMs: 60_000, callMs: 3 }, 0],
  ['none of a single handler that takes longer than eight calls', 1, { handlerMs: 50, callMs: 5 }, 0],
])('%s', async (_, concurrency, lengths, ahead) => {
  expect(await aheadOf(concurrency, lengths)).toBe(ahead);
});
