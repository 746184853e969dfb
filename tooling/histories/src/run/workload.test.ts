import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { CallFailed, type QueueCalls } from '../history/queue-calls.ts';
import { Recorder } from '../history/recorder.ts';
import { Workload } from './workload.ts';

test('an error that no client can get ends the run once all clients have ended', async () => {
  let answer = () => {};
  const calls: QueueCalls = {
    produce: () =>
      new Promise((resolve) => {
        answer = () => resolve(undefined);
      }),
    lease: async () => {
      throw new TypeError('no such answer');
    },
    complete: async () => {},
    retry: async () => {},
    extend: async () => [],
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

test('every second producer repeats its requests under one key until they are acknowledged', async () => {
  const attempts = new Map<string, number>();
  const calls: QueueCalls = {
    produce: async (items, { key }) => {
      if (key === undefined) return undefined;
      const before = attempts.get(key) ?? 0;
      attempts.set(key, before + 1);
      if (before === 0) throw new CallFailed('unknown', 'the answer is lost');
      return { ids: items.map((item) => `id of ${item}`), duplicate: true };
    },
    lease: async () => ({ partition: 0, given: [] }),
    complete: async () => {},
    retry: async () => {},
    extend: async () => [],
    clear: async () => {},
    size: async () => 0,
  };
  const recorder = new Recorder();
  const workload = new Workload(recorder, () => [calls], {
    ...{ seed: 1, producers: 2, consumers: 0, batch: 3, leaseTimeoutMs: 100, backlog: 1_000 },
    ...{ thinkMs: 1, producerThinkMs: 1, clears: 0 },
  });
  workload.start();
  await vi.waitFor(() => expect(attempts.size).toBeGreaterThan(2));
  await workload.stop();
  const keyed = recorder.operations.filter((each) => each.call === 'produce' && each.key !== undefined);
  expect(keyed.some(({ outcome }) => outcome === 'unknown')).toBe(true);
  for (const [key, count] of attempts) {
    expect(count).toBeGreaterThan(1);
    const answers = keyed.filter((each) => each.call === 'produce' && each.key === key);
    expect(answers.map(({ outcome }) => outcome)).toContain('ok');
  }
  expect(recorder.operations.some((each) => each.call === 'produce' && each.key === undefined)).toBe(true);
});
