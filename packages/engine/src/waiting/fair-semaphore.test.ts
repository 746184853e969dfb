import { expect, test } from 'vitest';
import { FairSemaphore } from './fair-semaphore.ts';

/** Calls that run until the test ends them, and the order in which they began. */
function calls() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const call = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await new Promise(setImmediate);
  };
  return { begun, call, end };
}

test('runs as many calls as the limit allows, and starts another one for each that ends', async () => {
  const semaphore = new FairSemaphore(2);
  const { begun, call, end } = calls();
  const owner = {};
  const results = ['a', 'b', 'c', 'd'].map((name) => semaphore.run(owner, call(name)));
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('c');
  await end('d');
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
});

test('serves waiting callers in rotation, whatever number of calls each has', async () => {
  const semaphore = new FairSemaphore(1);
  const { begun, call, end } = calls();
  const [many, one, two] = [{}, {}, {}];
  for (const name of ['m1', 'm2', 'm3', 'm4']) void semaphore.run(many, call(name));
  for (const name of ['t1', 't2']) void semaphore.run(two, call(name));
  void semaphore.run(one, call('o1'));
  for (const name of ['m1', 'm2', 't1', 'o1', 'm3', 't2']) await end(name);
  expect(begun).toEqual(['m1', 'm2', 't1', 'o1', 'm3', 't2', 'm4']);
});

test('a failed call frees its place and rejects with its error', async () => {
  const semaphore = new FairSemaphore(1);
  const failed = semaphore.run({}, () => Promise.reject(new Error('broken')));
  const next = semaphore.run({}, async () => 'next');
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

test('rejects the waiting calls of a caller that leaves, and continues with those of others', async () => {
  const semaphore = new FairSemaphore(1);
  const { begun, call, end } = calls();
  const [leaver, other] = [{}, {}];
  const running = semaphore.run(leaver, call('running'));
  const refused = semaphore.run(leaver, call('refused'));
  const next = semaphore.run(other, call('next'));
  semaphore.refuseWaiting(leaver, new Error('left'));
  await expect(refused).rejects.toThrow('left');
  await end('running');
  expect(await running).toBe('running');
  await end('next');
  expect(await next).toBe('next');
  expect(begun).toEqual(['running', 'next']);
  // Every place was given back.
  expect(await semaphore.run(leaver, async () => 'again')).toBe('again');
});
