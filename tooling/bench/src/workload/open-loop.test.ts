import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dueAfter, openLoop } from './open-loop.ts';

describe('the number of due requests', () => {
  test.each([
    [0, 1_000, 0],
    [1, 1_000, 1],
    [10, 150, 1],
    [1_000, 150, 150],
    [1.9, 10_000, 10],
    [600_000, 3, 1_800],
  ])('after %d ms at %d a second: %d', (milliseconds, rate, due) => {
    expect(dueAfter(milliseconds, rate)).toBe(due);
  });
});

describe('an open loop', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('sends the due requests only', async () => {
    let sent = 0;
    const step = async () => {
      sent++;
      return 10;
    };
    const running = openLoop([step, step], { seconds: 0.05, requestsPerSecond: 1_000 });
    await vi.advanceTimersByTimeAsync(20);
    expect(sent).toBe(20);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toBe(50);
    expect(await running).toMatchObject({ items: 500, requests: 50 });
  });

  test('adds a stall to every request that was due in it', async () => {
    let first = true;
    const step = async () => {
      if (!first) return 1;
      first = false;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return 1;
    };
    // One client: the first request takes 100 ms, in which all others become due.
    const running = openLoop([step], { seconds: 0.05, requestsPerSecond: 1_000 });
    await vi.advanceTimersByTimeAsync(1_000);
    const { requests, p50Ms } = await running;
    expect(requests).toBe(50);
    // A closed loop would see one slow request among fifty, and a median near zero.
    expect(p50Ms).toBeGreaterThan(70);
  });

  test('ends with the error of a request', async () => {
    const step = () => Promise.reject(new Error('refused'));
    const running = openLoop([step], { seconds: 60, requestsPerSecond: 100 });
    const failing = expect(running).rejects.toThrow('refused');
    await vi.advanceTimersByTimeAsync(1_000);
    await failing;
  });
});
