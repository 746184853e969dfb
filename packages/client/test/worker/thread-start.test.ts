import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { worker } from '../../src/index.ts';
import type { QueuePort } from '../../src/port/queue-port.ts';
import { FakeQueue } from '../support/fake-queue.ts';

/** A worker whose renewal thread is starting, and the number of its handlers at work. */
function start(leaseTimeout: string) {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, leaseTimeout);
  queue.add('a', 'b');
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
  const port: QueuePort = {
    ...queue.port({ canExtend: true }),
    thread: { open: () => ({ loop: 1, load: () => ready, post() {}, sync() {}, close() {} }) },
  };
  const running = worker(port, {
    ...{ queue: 'q', clock, random: new SeededRandom(), stopSignals: [], concurrency: 2 },
    handler: () => new Promise<void>((resolve) => void clock.startTimer(5, resolve)),
  });
  return { clock, queue, running, becomeReady };
}

test('items whose leases end soon are started once the thread can renew them', async () => {
  const it = start('2s');
  await it.clock.advance('1ms');
  expect(it.running.running).toBe(0);
  it.becomeReady();
  await it.clock.advance('1ms');
  expect(it.running.running).toBe(2);
  await it.clock.advance('1s');
  await it.running.stop();
  expect(it.queue.left).toEqual([]);
});

test('items on long leases are started at once', async () => {
  const it = start('1m');
  await it.clock.advance('1ms');
  expect(it.running.running).toBe(2);
  await it.clock.advance('1s');
  await it.running.stop();
  expect(it.queue.left).toEqual([]);
});
