import { QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { codecsV2, endpointsV2 } from '@querator/protocol';
import { expect, test } from 'vitest';
import { createClient, waitForTask } from '../src/index.ts';
import { FakeServer, failureOf } from './support/fake-server.ts';

/** The state and progress of a task, or the error that the server answers with. */
type Answer = { readonly state: string; readonly done?: number } | QueueError;

/** A server that gives these answers one after the other. */
function serverWith(answers: readonly Answer[]) {
  const clock = new ManualClock();
  const started = clock.now();
  const rest = answers.values();
  const askedAtMs: number[] = [];
  const server = new FakeServer().on(endpointsV2.tasks.get, ({ id }) => {
    askedAtMs.push(Number((clock.now() - started) / 1_000n));
    const { value: answer } = rest.next();
    if (answer === undefined) throw new Error('the task was read once more');
    if (answer instanceof Error) throw answer;
    return codecsV2.Task.create({ id, kind: 'delete', ...answer });
  });
  const client = createClient({ endpoint: 'http://queue.test', fetch: server.fetch, clock });
  return { client, clock, askedAtMs, deps: { clock, random: new SeededRandom(1) } };
}

const running = (done: number): Answer => ({ state: 'running', done });

test.each(['done', 'cancelled', 'failed'])('returns a task that is %s already', async (state) => {
  const { client, askedAtMs, deps } = serverWith([{ state, done: 7 }]);
  expect(await waitForTask(client, 'abc', deps)).toMatchObject({ id: 'abc', state, done: 7 });
  expect(askedAtMs).toEqual([0]);
});

test('asks soon at first, then every one or two seconds, and tells the progress', async () => {
  const polls = Array.from({ length: 12 }, (_, done) => running(done));
  const { client, clock, askedAtMs, deps } = serverWith([...polls, { state: 'done', done: 12 }]);
  const progress: number[] = [];
  const ended = waitForTask(client, 'abc', { ...deps, onProgress: ({ done }) => progress.push(done) });
  for (let tenths = 0; tenths < 300; tenths++) await clock.advance('100ms');
  expect(await ended).toMatchObject({ state: 'done', done: 12 });
  expect(progress).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const pauses = askedAtMs.slice(1).map((at, n) => at - (askedAtMs[n] as number));
  expect(pauses[0]).toBeLessThanOrEqual(200);
  expect(Math.min(...pauses.slice(5))).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(2_100);
});

test('goes on while the server is busy', async () => {
  const busy = new QueueError('retry', 'overloaded');
  const { client, clock, deps } = serverWith([busy, running(1), busy, busy, { state: 'done' }]);
  const ended = waitForTask(client, 'abc', deps);
  for (let tenths = 0; tenths < 100; tenths++) await clock.advance('100ms');
  expect(await ended).toMatchObject({ state: 'done' });
});

test('fails at once where waiting does not help', async () => {
  const { client, deps } = serverWith([new QueueError('invalid', 'no such task')]);
  expect(await failureOf(waitForTask(client, 'abc', deps))).toMatchObject({ message: 'no such task' });
});

test('stops waiting when it is told to, also between two questions', async () => {
  const stop = new AbortController();
  const { client, clock, askedAtMs, deps } = serverWith([running(0)]);
  const failure = failureOf(waitForTask(client, 'abc', { ...deps, signal: stop.signal }));
  await clock.advance('1ms');
  stop.abort(new Error('enough'));
  expect(await failure).toMatchObject({ message: 'enough' });
  expect(askedAtMs).toEqual([0]);
  expect(await failureOf(waitForTask(client, 'abc', { ...deps, signal: stop.signal }))).toBe(
    stop.signal.reason,
  );
});
