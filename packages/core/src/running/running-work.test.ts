import { expect, test } from 'vitest';
import { RunningWork } from './running-work.ts';

test('waits until the last of what runs has ended', async () => {
  const work = new RunningWork();
  await work.idle();
  work.begin();
  work.begin();
  let idle = 0;
  const waiting = [work.idle(), work.idle()].map((each) => each.then(() => idle++));
  work.end();
  await new Promise(setImmediate);
  expect([idle, work.any, work.count]).toEqual([0, true, 1]);
  work.end();
  await Promise.all(waiting);
  expect([idle, work.any, work.count]).toEqual([2, false, 0]);
});

test('counts a call until it has settled, however it settles', async () => {
  const work = new RunningWork();
  const { promise, resolve } = Promise.withResolvers<string>();
  const answered = work.run(() => promise);
  const failed = work.run(() => Promise.reject(new Error('broken')));
  const thrown = work.run((): Promise<void> => {
    throw new Error('at once');
  });
  await expect(failed).rejects.toThrow('broken');
  await expect(thrown).rejects.toThrow('at once');
  expect(work.count).toBe(1);
  resolve('answer');
  expect(await answered).toBe('answer');
  expect(work.any).toBe(false);
});
