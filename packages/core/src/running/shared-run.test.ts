import { expect, test } from 'vitest';
import { SharedRun } from './shared-run.ts';

/** A job whose runs the test ends. `begun` has the argument of each run. */
function job() {
  const begun: string[] = [];
  const runs: PromiseWithResolvers<string>[] = [];
  const run = (argument: string) => {
    begun.push(argument);
    const run = Promise.withResolvers<string>();
    runs.push(run);
    return run.promise;
  };
  const end = async (result: string | Error) => {
    const current = runs.at(-1);
    if (typeof result === 'string') current?.resolve(result);
    else current?.reject(result);
    await new Promise(setImmediate);
  };
  return { begun, run, end };
}

/** The error of a promise that rejects. */
const failure = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message);

test('a call that joins shares the run in progress', async () => {
  const { begun, run, end } = job();
  const shared = new SharedRun(run);
  const results = [shared.join('a'), shared.join('b')];
  expect(begun).toEqual(['a']);
  expect(shared.running).toBe(results[0]);
  await end('first');
  expect(await Promise.all(results)).toEqual(['first', 'first']);
  expect(shared.isIdle).toBe(true);
  const next = shared.join('c');
  await end('second');
  expect(await next).toBe('second');
  expect(begun).toEqual(['a', 'c']);
});

test('calls during a run share the next one, which begins after them', async () => {
  const { begun, run, end } = job();
  const shared = new SharedRun(run);
  const first = shared.start('a');
  const next = [shared.start('b'), shared.start('c')];
  expect(begun).toEqual(['a']);
  await end('first');
  expect(await first).toBe('first');
  expect(begun).toEqual(['a', 'b']);
  expect(shared.isIdle).toBe(false);
  const afterNext = shared.start('d');
  await end('second');
  expect(await Promise.all(next)).toEqual(['second', 'second']);
  await end('third');
  expect(await afterNext).toBe('third');
  expect(begun).toEqual(['a', 'b', 'd']);
  expect(shared.isIdle).toBe(true);
});

test('a call between two runs joins the second one', async () => {
  const { begun, run, end } = job();
  const shared = new SharedRun(run);
  const first = shared.start('a');
  const joined = first.then(() => shared.join('late'));
  const second = shared.start('b');
  await end('first');
  await end('second');
  expect(await Promise.all([first, second, joined])).toEqual(['first', 'second', 'second']);
  expect(begun).toEqual(['a', 'b']);
});

test('a run that fails is followed by the next one', async () => {
  const { begun, run, end } = job();
  const shared = new SharedRun(run);
  const first = failure(shared.start('a'));
  const next = shared.start('b');
  await end(new Error('broken'));
  expect(await first).toBe('broken');
  await end('second');
  expect(await next).toBe('second');
  expect(begun).toEqual(['a', 'b']);
});

test('callers of the next run get the result or the error of the last one if it is not to be repeated', async () => {
  const { begun, run, end } = job();
  const shared = new SharedRun(run, {
    repeatsAfter: (result) => result !== 'enough',
    repeatsAfterFailure: (error) => error instanceof Error && error.message !== 'down',
  });
  const first = [shared.start('a'), shared.start('b')];
  await end('enough');
  expect(await Promise.all(first)).toEqual(['enough', 'enough']);
  const second = [failure(shared.start('c')), failure(shared.start('d'))];
  await end(new Error('down'));
  expect(await Promise.all(second)).toEqual(['down', 'down']);
  expect(begun).toEqual(['a', 'c']);
  expect(shared.isIdle).toBe(true);
});

test('a caller that waits until it is idle waits for the run in progress, also if it fails', async () => {
  const { run, end } = job();
  const shared = new SharedRun(run);
  await shared.idle();
  const failed = failure(shared.start('a'));
  let isIdle = false;
  const idle = shared.idle().then(() => {
    isIdle = true;
  });
  await new Promise(setImmediate);
  expect(isIdle).toBe(false);
  await end(new Error('broken'));
  await idle;
  expect(await failed).toBe('broken');
});
