import { SystemClock } from '@querator/core';
import { expect, test, vi } from 'vitest';
import { JumpingClock } from './jumping-clock.ts';

test('a jump moves the time, and makes timers due that much earlier', async () => {
  const clock = new JumpingClock(new SystemClock());
  const fired: string[] = [];
  clock.startTimer(60_000, () => fired.push('minute'));
  clock.startTimer(3_600_000, () => fired.push('hour'));
  const cancel = clock.startTimer(50_000, () => fired.push('cancelled'));
  cancel();
  const before = clock.now();
  clock.jump(60_000);
  expect(Number(clock.now() - before)).toBeGreaterThanOrEqual(60_000_000);
  expect(clock.aheadMs).toBe(60_000);
  expect(fired).toEqual([]);
  await vi.waitFor(() => expect(fired).toEqual(['minute']));
  clock.jump(3_600_000);
  await vi.waitFor(() => expect(fired).toEqual(['minute', 'hour']));
});
