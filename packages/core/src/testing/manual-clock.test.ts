import { describe, expect, test } from 'vitest';
import { parseDuration } from '../time/duration.ts';
import { addDuration, instantFromMilliseconds } from '../time/instant.ts';
import { ManualClock, ms } from './manual-clock.ts';

describe('ManualClock', () => {
  test('stands still until it is moved', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    expect(start).toBe(instantFromMilliseconds(Date.UTC(2026, 0, 1)));
    expect(clock.now()).toBe(start);
    await clock.advance('1.000001s');
    expect(clock.now()).toBe(start + 1_000_001n);
    await clock.advance(parseDuration('1us'));
    expect(clock.now()).toBe(start + 1_000_002n);
  });

  test('fires timers in the order of their times, ties in the order they were started', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    clock.startTimer(20, () => fired.push('20'));
    clock.startTimer(10, () => fired.push('10 first'));
    clock.startTimer(10, () => fired.push('10 second'));
    clock.startTimer(30, () => fired.push('30'));
    await clock.advance('20ms');
    expect(fired).toEqual(['10 first', '10 second', '20']);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance('9.999ms');
    expect(fired).toHaveLength(3);
    await clock.advance('1us');
    expect(fired).toHaveLength(4);
  });

  test('shows each timer its own time when it fires', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    const times: bigint[] = [];
    for (const delay of [5, 1.5, 10]) clock.startTimer(delay, () => times.push(clock.now() - start));
    await clock.advance('1s');
    expect(times).toEqual([1_500n, 5_000n, 10_000n]);
    expect(clock.now()).toBe(addDuration(start, parseDuration('1s')));
  });

  test('fires timers that others start meanwhile, also from promise callbacks', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    const times: bigint[] = [];
    const tick = () => {
      times.push(clock.now() - start);
      queueMicrotask(() => queueMicrotask(() => clock.startTimer(100, tick)));
    };
    clock.startTimer(100, tick);
    await clock.advance('350ms');
    expect(times).toEqual([100_000n, 200_000n, 300_000n]);
    expect(clock.msToNextTimer()).toBe(50);
  });

  test('never fires synchronously, however short the delay', async () => {
    const clock = new ManualClock();
    let fired = 0;
    clock.startTimer(0, () => fired++);
    clock.startTimer(-10, () => fired++);
    expect(fired).toBe(0);
    await clock.advance('0');
    expect(fired).toBe(2);
  });

  test('forgets a cancelled timer, also one that another timer cancels', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const cancel = clock.startTimer(20, () => fired.push('cancelled'));
    clock.startTimer(10, () => {
      fired.push('cancels');
      cancel();
      cancel();
    });
    await clock.advance('1s');
    expect(fired).toEqual(['cancels']);
    expect(clock.pendingTimers).toBe(0);
    expect(clock.msToNextTimer()).toBeUndefined();
  });

  test('can be set without firing anything', async () => {
    const clock = new ManualClock();
    let fired = 0;
    clock.startTimer(10, () => fired++);
    clock.set(addDuration(clock.now(), parseDuration('1h')));
    expect(fired).toBe(0);
    expect(clock.msToNextTimer()).toBeLessThan(0);
    await clock.advance('0');
    expect(fired).toBe(1);
  });

  test('counts text in milliseconds', () => {
    expect(ms('1m30s')).toBe(90_000);
  });

  test('a suspended machine: time passes, and timers have as long to run as before', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    let fired = 0;
    clock.startTimer(100, () => fired++);
    clock.suspend('1h');
    expect(clock.now() - start).toBe(3_600_000_000n);
    await clock.advance('99ms');
    expect(fired).toBe(0);
    await clock.advance('1ms');
    expect(fired).toBe(1);
  });
});
