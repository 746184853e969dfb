import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { worker } from '../../src/index.ts';
import type { QueuePort } from '../../src/port/queue-port.ts';
import { FakeQueue } from '../support/fake-queue.ts';

/** Runs the callbacks of promises as Node does between two timers of one turn of the event loop. */
async function runMicrotasks(): Promise<void> {
  for (let n = 0; n < 100; n++) await undefined;
}

test('handlers that end one after the other in the same turn of the event loop share a lease', async () => {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, '1m');
  queue.add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const ends: (() => void)[] = [];
  const running = worker(queue.port({ canExtend: false }), {
    ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [], concurrency: 4 },
    handler: () => new Promise<void>((resolve) => ends.push(resolve)),
  });
  for (const leases of [1, 2]) {
    await clock.advance('1s');
    expect(queue.log.batchSizes).toEqual([4, 4].slice(0, leases));
    for (const end of ends.splice(0)) {
      end();
      await runMicrotasks();
    }
  }
  await clock.advance('1s');
  await running.stop();
  expect(queue.left).toEqual([]);
});

test('items ahead are leased by halves, while all handlers are at work', async () => {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, '1m');
  queue.add(...Array.from({ length: 400 }, (_, n) => `${n}`));
  const after = (delayMs: number) => new Promise<void>((resolve) => clock.startTimer(delayMs, resolve));
  const port = queue.port({ canExtend: true });
  const slow: QueuePort = {
    ...port,
    lease: (call, signal) => after(5).then(() => port.lease(call, signal)),
    complete: (call) => after(5).then(() => port.complete(call)),
  };
  let started = 0;
  const running = worker(slow, {
    ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [], concurrency: 8 },
    handler: () => after(14 + (started++ % 13)),
  });
  await clock.advance('2s');
  await running.stop();
  expect(queue.left).toEqual([]);
  // Handlers take 20 ms on average, so 15 items are leased ahead. That is known after the first three leases.
  const sizes = queue.log.batchSizes.slice(3, 40);
  expect(sizes.length).toBe(37);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(7);
});

test('free handlers get a lease of their own, before results are sent and items are leased ahead', async () => {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, '1m');
  queue.add(...Array.from({ length: 40 }, (_, n) => `${n}`));
  const after = (delayMs: number) => new Promise<void>((resolve) => clock.startTimer(delayMs, resolve));
  const log: string[] = [];
  const port = queue.port({ canExtend: true });
  const logged: QueuePort = {
    ...port,
    lease: (call, signal) => {
      log.push(`lease ${call.batchSize}`);
      return after(5).then(() => port.lease(call, signal));
    },
    complete: (call) => {
      log.push(`complete ${call.ids.length}`);
      return after(5).then(() => port.complete(call));
    },
  };
  const running = worker(logged, {
    ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [], concurrency: 8 },
    handler: () => after(10),
  });
  await clock.advance('21ms');
  // Handlers of 10 ms and calls of 5 ms: two items ahead for each handler.
  expect(log.filter((call) => call.startsWith('lease'))).toEqual(['lease 8', 'lease 8', 'lease 16']);
  expect(log[2]).toMatch(/^complete/);
  await clock.advance('1s');
  await running.stop();
  expect(queue.left).toEqual([]);
});
