import { expect, test } from 'vitest';
import { together } from './together.ts';

test('adds up the results of concurrent workers', () => {
  const one = { items: 10, requests: 5, seconds: 2, cpuSeconds: 1, p50Ms: 1, p99Ms: 4, p999Ms: 7 };
  const other = { items: 20, requests: 6, seconds: 1, cpuSeconds: 1.5, p50Ms: 3, p99Ms: 6, p999Ms: 9 };
  expect(together([one, other])).toEqual({
    ...{ items: 30, requests: 11, seconds: 2, cpuSeconds: 1.5, p50Ms: 2, p99Ms: 5, p999Ms: 8 },
  });
});
