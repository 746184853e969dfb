import { expect, test } from 'vitest';
import type { QueueCalls } from '../history/queue-calls.ts';
import { Recorder } from '../history/recorder.ts';
import { Workload } from './workload.ts';

test('what a client meets that no client is told is thrown at the end, when all have ended', async () => {
  let produced = 0;
  let ended = 0;
  const calls: QueueCalls = {
    produce: async () => {
      produced++;
    },
    lease: async () => {
      throw new TypeError('no such answer');
    },
    complete: async () => {},
    retry: async () => {},
    clear: async () => {},
    size: async () => 0,
  };
  const recorder = new Recorder();
  const workload = new Workload(recorder, () => [calls], {
    ...{ seed: 1, producers: 2, consumers: 1, batch: 3, leaseTimeoutMs: 100, backlog: 5 },
    ...{ thinkMs: 1, producerThinkMs: 1, clears: 0 },
  });
  workload.start();
  await expect(
    workload.stop().finally(() => {
      ended = produced;
    }),
  ).rejects.toThrow('no such answer');
  await new Promise((resolve) => setImmediate(resolve));
  expect(produced).toBe(ended);
  const { operations } = recorder;
  expect(operations.find(({ call }) => call === 'lease')).toMatchObject({
    ...{ outcome: 'unknown', error: 'no such answer', given: [] },
  });
});
