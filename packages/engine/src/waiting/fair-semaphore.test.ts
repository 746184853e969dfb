import { expect, test } from 'vitest';
import { FairGate } from './fair-semaphore.ts';

/** Calls that go on until they are told to end, and the order in which they began. */
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

test('lets as many through as it may, and another one for each that ends', async () => {
  const gate = new FairGate(2);
  const { begun, call, end } = calls();
  const who = {};
  const results = ['a', 'b', 'c', 'd'].map((name) => gate.run(who, call(name)));
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('c');
  await end('d');
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
});

test('serves those who wait in turns, whatever they bring', async () => {
  const gate = new FairGate(1);
  const { begun, call, end } = calls();
  const [many, one, two] = [{}, {}, {}];
  for (const name of ['m1', 'm2', 'm3', 'm4']) void gate.run(many, call(name));
  for (const name of ['t1', 't2']) void gate.run(two, call(name));
  void gate.run(one, call('o1'));
  for (const name of ['m1', 'm2', 't1', 'o1', 'm3', 't2']) await end(name);
  expect(begun).toEqual(['m1', 'm2', 't1', 'o1', 'm3', 't2', 'm4']);
});

test('a call that fails makes way, and its error is passed on', async () => {
  const gate = new FairGate(1);
  const failed = gate.run({}, () => Promise.reject(new Error('broken')));
  const next = gate.run({}, async () => 'next');
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

test('refuses what has not begun to one who leaves, and goes on with what others wait for', async () => {
  const gate = new FairGate(1);
  const { begun, call, end } = calls();
  const [leaver, other] = [{}, {}];
  const running = gate.run(leaver, call('running'));
  const refused = gate.run(leaver, call('refused'));
  const next = gate.run(other, call('next'));
  gate.leave(leaver, new Error('left'));
  await expect(refused).rejects.toThrow('left');
  await end('running');
  expect(await running).toBe('running');
  await end('next');
  expect(await next).toBe('next');
  expect(begun).toEqual(['running', 'next']);
  // Nobody's place was lost.
  expect(await gate.run(leaver, async () => 'again')).toBe('again');
});
