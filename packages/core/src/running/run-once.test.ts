import { expect, test } from 'vitest';
import { RunOnce } from './run-once.ts';

test('begins its job at the first call, and all calls share its promise', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const once = new RunOnce(() => {
    runs++;
    return promise;
  });
  expect(once.hasBegun).toBe(false);
  expect(runs).toBe(0);
  const first = once.run();
  expect(runs).toBe(1);
  expect(once.run()).toBe(first);
  resolve();
  await first;
  expect(once.run()).toBe(first);
  expect(runs).toBe(1);
});

test('has begun when its job calls it, and shares its promise with the job', async () => {
  const seen: unknown[] = [];
  const once: RunOnce = new RunOnce(async () => {
    seen.push(once.hasBegun, once.run());
  });
  const run = once.run();
  await run;
  expect(seen).toEqual([true, run]);
  expect(seen[1]).toBe(run);
});

test('a job that fails is not run again', async () => {
  let runs = 0;
  const once = new RunOnce(async () => {
    throw new Error(`failure ${++runs}`);
  });
  await expect(once.run()).rejects.toThrow('failure 1');
  await expect(once.run()).rejects.toThrow('failure 1');
});
