import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { TableChanges } from './table-changes.ts';

/** Runs changes of 20 ms each. Returns when each began and was answered, in milliseconds. */
function setUp(isBusy: boolean) {
  const clock = new ManualClock();
  const start = clock.now();
  const at = () => Number(clock.now() - start) / 1_000;
  const changes = new TableChanges({ clock, isBusy: () => isBusy, pauseFactor: 1 });
  const begun: number[] = [];
  const answered: number[] = [];
  const change = async (failure?: Error) => {
    begun.push(at());
    await new Promise<void>((resolve) => void clock.startTimer(20, resolve));
    if (failure !== undefined) throw failure;
  };
  const run = (failure?: Error) => changes.run(() => change(failure)).finally(() => answered.push(at()));
  return { clock, begun, answered, run };
}

test('while the pool is busy, a pause as long as the change follows each change', async () => {
  const { clock, begun, answered, run } = setUp(true);
  const all = Promise.all([run(), run(), run()]);
  await clock.advance('200ms');
  await all;
  expect(begun).toEqual([0, 40, 80]);
  expect(answered).toEqual([20, 60, 100]);
});

test('while the pool is idle, changes follow each other without a pause', async () => {
  const { clock, begun, run } = setUp(false);
  const all = Promise.all([run(), run(), run()]);
  await clock.advance('200ms');
  await all;
  expect(begun).toEqual([0, 20, 40]);
});

test('a failed change rejects its own caller only, and the next change follows', async () => {
  const { clock, begun, run } = setUp(true);
  const failed = expect(run(new Error('no right to create'))).rejects.toThrow('no right to create');
  const next = run();
  await clock.advance('200ms');
  await Promise.all([failed, next]);
  expect(begun).toEqual([0, 40]);
});
