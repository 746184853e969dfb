import { expect, test } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import { within } from './within.ts';

test('returns the result of work that ends in time, and its error', async () => {
  const clock = new ManualClock();
  expect(await within(clock, 100, Promise.resolve('done'))).toBe('done');
  await expect(within(clock, 100, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await new Promise(setImmediate);
  expect(clock.pendingTimers).toBe(0);
});

test('returns undefined once the time is up', async () => {
  const clock = new ManualClock();
  let isOver = false;
  const waiting = within(clock, 100, new Promise(() => {})).then((result) => {
    isOver = true;
    return result;
  });
  await clock.advance('99ms');
  expect(isOver).toBe(false);
  await clock.advance('1ms');
  expect(await waiting).toBeUndefined();
});
