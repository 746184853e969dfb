import {
  invalid,
  type JsonValue,
  type NewTask,
  QueueError,
  StorageError,
  silentLogger,
  type Task,
  type TaskStore,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { NO_OBSERVER } from '../observer.ts';
import type { StepBudget, StepResult, TaskKind } from './task-kind.ts';
import { TaskRunner } from './task-runner.ts';

type Step = (task: Task, checkpoint: JsonValue | undefined, budget: StepBudget) => Promise<StepResult>;

const ONE = { matched: 1, done: 1, failed: 0 };

/** Runners of several processes on one store. */
class World {
  readonly clock = new ManualClock();
  readonly store: TaskStore;
  readonly logged: string[] = [];
  step: Step = async () => ({ ...ONE, checkpoint: null, end: 'done' });
  undo: Step | undefined;
  #tasks = 0;
  #runners = 0;

  constructor() {
    const store = memoryBackend({ name: 'mem', clock: this.clock, random: new SeededRandom() }).taskStore?.();
    if (store === undefined) throw new Error('memory has no task store');
    this.store = store;
  }

  runner(): TaskRunner {
    const note = (message: string) => void this.logged.push(message);
    const kind: TaskKind = {
      ...{ kind: 'k', version: 1, structural: false },
      prepare: () => Promise.reject(new Error('not called')),
      step: (...args) => this.step(...args),
      ...(this.undo === undefined ? {} : { undo: this.undo }),
    };
    const runner = new TaskRunner({
      clock: this.clock,
      logger: { ...silentLogger, info: note, warn: note, error: note },
      observer: NO_OBSERVER,
      store: this.store,
      signals: undefined,
      owner: `process-${++this.#runners}`,
      kinds: new Map([['k', kind]]),
    });
    runner.start();
    return runner;
  }

  async create(more: Partial<NewTask> = {}): Promise<string> {
    const id = `task-${++this.#tasks}`;
    await this.store.create({
      ...{ id, kind: 'k', version: 1, parameters: null, queue: 'q', namespace: '_system', needs: [] },
      ...{ exclusive: undefined, createdBy: 'a', rate: undefined, dryRun: false },
      ...more,
    });
    return id;
  }

  async task(id: string): Promise<Task> {
    const task = await this.store.get(id);
    if (task === undefined) throw new Error(`no task ${id}`);
    return task;
  }
}

test('steps follow each other with their checkpoints, until one ends the task', async () => {
  const world = new World();
  const seen: unknown[] = [];
  world.step = async (_, checkpoint, { items }) => {
    seen.push([checkpoint, items]);
    const next = Number(checkpoint ?? 0) + 1;
    return {
      matched: 3,
      done: 2,
      failed: 1,
      checkpoint: next,
      ...(next === 3 ? { end: 'done' as const } : {}),
    };
  };
  const id = await world.create();
  const runner = world.runner();
  await world.clock.advance('0');
  expect(seen).toEqual([
    [undefined, 1_000],
    [1, 1_000],
    [2, 1_000],
  ]);
  expect(await world.task(id)).toMatchObject({
    state: 'done',
    matched: 9,
    done: 6,
    failed: 3,
    checkpoint: 3,
  });
  expect(runner.running().size).toBe(0);
  expect(world.logged).toEqual(['task begins', 'task ended']);
});

test('the rate holds for the whole task, in even steps', async () => {
  const world = new World();
  world.step = async (_, __, { items }) => ({ matched: items, done: items, failed: 0, checkpoint: null });
  const id = await world.create({ rate: 10 });
  world.runner();
  for (let second = 1; second <= 5; second++) {
    await world.clock.advance('1s');
    const { done } = await world.task(id);
    expect(done).toBeGreaterThanOrEqual(second * 10);
    // One step is ahead, and it may make up for a second.
    expect(done).toBeLessThanOrEqual(second * 10 + 13);
  }
});

test('a cancelled task ends within a second, also one that waits for its rate, and at another process', async () => {
  const world = new World();
  world.step = async () => ({ ...ONE, checkpoint: null });
  const id = await world.create({ rate: 1 });
  world.runner();
  await world.clock.advance('5s');
  const { done } = await world.task(id);
  await world.store.requestCancel(id);
  await world.clock.advance('1s');
  expect(await world.task(id)).toMatchObject({ state: 'cancelled', done: expect.closeTo(done, 0) });
});

test('a cancelled task undoes what its steps have begun', async () => {
  const world = new World();
  const undone: unknown[] = [];
  world.step = async () => ({ ...ONE, checkpoint: 'begun' });
  world.undo = async (_, checkpoint) => {
    undone.push(checkpoint);
    return undone.length < 3
      ? { matched: 0, done: -1, failed: 0, checkpoint: undone.length }
      : { matched: 0, done: 0, failed: 0, checkpoint: 3, end: 'done' };
  };
  const id = await world.create({ rate: 4 });
  world.runner();
  await world.clock.advance('2s');
  const { done: before } = await world.task(id);
  await world.store.requestCancel(id);
  await world.clock.advance('1s');
  expect(undone).toEqual(['begun', 1, 2]);
  const { state, done } = await world.task(id);
  expect(state).toBe('cancelled');
  // A step may have run before the process learned of it.
  expect([before - 2, before - 1]).toContain(done);
});

test('a step that runs is told to end when its task is to be cancelled, or the process stops', async () => {
  const world = new World();
  const signals: AbortSignal[] = [];
  world.step = (_, __, { signal }) => {
    signals.push(signal);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ ...ONE, checkpoint: 'kept' }));
    });
  };
  const cancelled = await world.create();
  const runner = world.runner();
  await world.clock.advance('30s');
  expect((await world.task(cancelled)).generation).toBe(1);
  await world.store.requestCancel(cancelled);
  await world.clock.advance('1s');
  expect(await world.task(cancelled)).toMatchObject({ state: 'cancelled', done: 1, checkpoint: 'kept' });
  const stopped = await world.create();
  await world.clock.advance('1s');
  await runner.stop();
  expect(await world.task(stopped)).toMatchObject({ state: 'running', done: 1, claimedUntil: undefined });
  expect(signals).toHaveLength(2);
  await world.clock.advance('1h');
  expect((await world.task(stopped)).generation).toBe(1);
});

test('a process that starts while tasks run elsewhere leaves them alone', async () => {
  const world = new World();
  world.step = async () => ({ ...ONE, checkpoint: null });
  const id = await world.create({ rate: 1 });
  const first = world.runner();
  await world.clock.advance('1s');
  world.runner();
  await world.clock.advance('1m');
  expect(await world.task(id)).toMatchObject({ owner: 'process-1', generation: 1 });
  await first.stop();
  await world.clock.advance('1s');
  expect(await world.task(id)).toMatchObject({ owner: 'process-2', generation: 2 });
});

test('a storage failure is waited for, however long it lasts', async () => {
  const world = new World();
  let isBroken = true;
  world.step = async () => {
    if (isBroken) throw new StorageError('injected', { outcome: 'unknown' });
    return { ...ONE, checkpoint: null, end: 'done' };
  };
  const id = await world.create();
  world.runner();
  await world.clock.advance('2h');
  expect(await world.task(id)).toMatchObject({
    state: 'running',
    faults: 0,
    generation: 1,
    error: undefined,
  });
  isBroken = false;
  await world.clock.advance('6s');
  expect(await world.task(id)).toMatchObject({ state: 'done', done: 1 });
  expect(world.logged).toEqual(['task begins', 'a task waits for storage', 'a task goes on', 'task ended']);
});

test('a task whose items have no room waits for it, and says so', async () => {
  const world = new World();
  let isFull = true;
  world.step = async () => {
    if (isFull) throw new QueueError('retry', 'quota exceeded; try again later', { reason: 'over_limit' });
    return { ...ONE, checkpoint: null, end: 'done' };
  };
  const id = await world.create();
  world.runner();
  await world.clock.advance('2h');
  expect(await world.task(id)).toMatchObject({
    ...{ state: 'running', faults: 0, error: 'quota exceeded; try again later' },
  });
  isFull = false;
  await world.clock.advance('6s');
  expect(await world.task(id)).toMatchObject({ state: 'done', done: 1, error: undefined });
  expect(world.logged).toEqual(['task begins', 'a task waits for room', 'a task goes on', 'task ended']);
});

test('a step that always fails fails its task with the reason, and one that recovers does not', async () => {
  const world = new World();
  let tries = 0;
  world.step = async (task) => {
    if (task.id === 'task-1') throw invalid('the filter is of no use');
    if (++tries % 4 !== 0) throw new TypeError('secret');
    return { ...ONE, checkpoint: null, ...(tries === 12 ? { end: 'done' as const } : {}) };
  };
  const poisoned = await world.create();
  const flaky = await world.create();
  world.runner();
  await world.clock.advance('1s');
  expect(await world.task(flaky)).toMatchObject({
    state: 'running',
    error: 'Internal Error; see the log of the server',
  });
  await world.clock.advance('2m');
  expect(await world.task(poisoned)).toMatchObject({
    ...{ state: 'failed', error: 'the filter is of no use', done: 0, faults: 4 },
  });
  expect(await world.task(flaky)).toMatchObject({ state: 'done', done: 3, error: undefined });
});

test('more tasks than a process works on get their turns', async () => {
  const world = new World();
  const seen = new Set<string>();
  world.step = async ({ id }) => {
    seen.add(id);
    return { ...ONE, checkpoint: null };
  };
  for (let number = 0; number < 40; number++) await world.create({ rate: 1 });
  const runner = world.runner();
  await world.clock.advance('1s');
  expect(runner.running().get('k')).toBe(16);
  await world.clock.advance('40s');
  expect(seen.size).toBe(40);
});

test('a checkpoint that is too large is a fault of its step', async () => {
  const world = new World();
  world.step = async () => ({ ...ONE, checkpoint: 'x'.repeat(70_000) });
  const id = await world.create();
  world.runner();
  await world.clock.advance('1m');
  expect(await world.task(id)).toMatchObject({ state: 'failed', error: expect.stringContaining('65536') });
});

test('while the store fails, looks become rare, and one line is logged', async () => {
  const world = new World();
  let looks = 0;
  const { store } = world;
  const claim = store.claim.bind(store);
  store.claim = (request) => {
    looks++;
    return looks < 8
      ? Promise.reject(new StorageError('injected', { outcome: 'not-applied' }))
      : claim(request);
  };
  const id = await world.create();
  world.runner();
  await world.clock.advance('1m');
  expect(looks).toBeLessThan(8);
  await world.clock.advance('2m');
  expect(world.logged.slice(0, 2)).toEqual(['tasks cannot be read', 'tasks can be read again']);
  expect(await world.task(id)).toMatchObject({ state: 'done' });
});
