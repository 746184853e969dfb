import { expect, test } from 'vitest';
import { Semaphore } from './semaphore.ts';

test.each([1, 3])('runs %s at a time, in order of arrival, also after one that fails', async (limit) => {
  const semaphore = new Semaphore(() => limit);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const work = (n: number) =>
    semaphore.run(async () => {
      begun.push(n);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      if (n % 3 === 0) throw new Error('failed');
      return n;
    });
  const numbers = Array.from({ length: 20 }, (_, n) => n);
  const results = await Promise.allSettled(numbers.map(work));
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(numbers.map((n) => n % 3 !== 0));
  expect(begun).toEqual(numbers);
  expect(most).toBe(limit);
  expect(semaphore.isFree).toBe(true);
});

test('begins at once while the limit allows', () => {
  const semaphore = new Semaphore(() => 1);
  const begun: string[] = [];
  const forever = new Promise<void>(() => {});
  for (const name of ['first', 'second']) {
    void semaphore.run(() => {
      begun.push(name);
      return forever;
    });
  }
  expect(begun).toEqual(['first']);
  expect(semaphore.isFree).toBe(false);
});
