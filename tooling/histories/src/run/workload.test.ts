import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { QueueCalls } from '../history/queue-calls.ts';
import { Recorder } from '../history/recorder.ts';
import { Workload } from './workload.ts';

test('an error that no client can get ends the run once all clients have ended', async () => {
  let answer = () => {};
  const calls: QueueCalls = {
    produce: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
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
    ...{ seed: 1, producers: 1, consumers: 1, batch: 3, leaseTimeoutMs: 100, backlog: 5 },
    ...{ thinkMs: 1, producerThinkMs: 1, clears: 0 },
  });
  workload.start();
  await vi.waitFor(() => expect(recorder.operations).toHaveLength(1));
  expect(recorder.operations).toMatchObject([
    { call: 'lease', outcome: 'unknown', error: 'no such answer', given: [] },
  ]);
  let ended = false;
  const stopped = workload.stop().finally(() => {
    ended = true;
  });
  stopped.catch(() => {});
  await turn();
  expect(ended).toBe(false);
  answer();
  await expect(stopped).rejects.toThrow('no such answer');
  expect(recorder.operations.map(({ call }) => call)).toEqual(['lease', 'produce']);
});
