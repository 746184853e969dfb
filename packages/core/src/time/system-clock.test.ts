import { afterEach, describe, expect, test, vi } from 'vitest';
import { SystemClock } from './system-clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('SystemClock.now', () => {
  test('is never behind Date.now(), and never a millisecond ahead of it', () => {
    const clock = new SystemClock();
    for (let round = 0; round < 20_000; round++) {
      const before = Date.now();
      const now = Number(clock.now());
      const after = Date.now();
      expect(now).toBeGreaterThanOrEqual(before * 1_000);
      expect(now).toBeLessThan((after + 1) * 1_000);
    }
  });

  test('has microseconds', () => {
    const clock = new SystemClock();
    const digits = new Set(Array.from({ length: 5_000 }, () => Number(clock.now() % 1_000n)));
    expect(digits.size).toBeGreaterThan(10);
  });

  test('follows the system clock at once when it is set', () => {
    const clock = new SystemClock();
    const real = Date.now();
    for (const shift of [-3_600_000, 86_400_000, 0]) {
      vi.spyOn(Date, 'now').mockReturnValue(real + shift);
      expect(Math.floor(Number(clock.now()) / 1_000)).toBe(real + shift);
    }
  });
});

describe('SystemClock.startTimer', () => {
  test('fires once, after the delay and never synchronously', () => {
    const clock = new SystemClock();
    vi.useFakeTimers();
    const callback = vi.fn();
    clock.startTimer(50, callback);
    clock.startTimer(-5, callback);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(49);
    expect(callback).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1_000);
    expect(callback).toHaveBeenCalledTimes(2);
  });

  test('can be cancelled, also twice and after it fired', () => {
    const clock = new SystemClock();
    vi.useFakeTimers();
    const callback = vi.fn();
    const cancel = clock.startTimer(50, callback);
    cancel();
    cancel();
    vi.advanceTimersByTime(100);
    expect(callback).not.toHaveBeenCalled();
    const cancelLate = clock.startTimer(50, callback);
    vi.advanceTimersByTime(100);
    cancelLate();
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('fires after delays that setTimeout does not support, and can be cancelled meanwhile', () => {
    const clock = new SystemClock();
    vi.useFakeTimers();
    const DAY = 86_400_000;
    const [fired, cancelled] = [vi.fn(), vi.fn()];
    clock.startTimer(60 * DAY, fired);
    const cancel = clock.startTimer(60 * DAY, cancelled);
    vi.advanceTimersByTime(30 * DAY);
    cancel();
    vi.advanceTimersByTime(30 * DAY - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });
});
