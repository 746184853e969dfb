import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { worker } from '../../src/index.ts';
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
