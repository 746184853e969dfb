import { type NewTask, TASK_RECORDS_MAX, TASKS_RUNNING_MAX, type TaskStore } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { memoryBackend } from '../src/index.ts';

function setUp() {
  const clock = new ManualClock();
  const store = memoryBackend({ name: 'mem', clock, random: new SeededRandom() }).taskStore?.();
  if (store === undefined) throw new Error('memory has no task store');
  return { clock, store };
}

function newTask(number: number): NewTask {
  return {
    ...{ id: `task-${number}`, kind: 'k', version: 1, parameters: null, queue: '', namespace: '_system' },
    ...{ exclusive: undefined, needs: [], createdBy: 'a', rate: undefined, dryRun: false },
  };
}

async function endOne(store: TaskStore): Promise<void> {
  const found = await store.claim({
    owner: 'a',
    kinds: [{ kind: 'k', version: 1 }],
    timeout: 1_000n as never,
  });
  if (found === undefined) throw new Error('no task runs');
  await store.end(found.task, { state: 'done' });
}

test('1,000 tasks run at most', async () => {
  const { store } = setUp();
  for (let number = 0; number < TASKS_RUNNING_MAX; number++) await store.create(newTask(number));
  const refusal = { code: 'retry', reason: 'over_limit', message: expect.stringContaining('1000') };
  await expect(store.create(newTask(-1))).rejects.toMatchObject(refusal);
  await endOne(store);
  await store.create(newTask(-1));
});

test('the last 10,000 ended tasks are kept', async () => {
  const { clock, store } = setUp();
  for (let number = 0; number < TASK_RECORDS_MAX + 2; number++) {
    await store.create(newTask(number));
    await endOne(store);
  }
  await clock.advance('1ms');
  await store.create(newTask(-1));
  expect(await store.get(`task-${TASK_RECORDS_MAX + 1}`)).toBeDefined();
  const all = { namespaces: undefined, kind: undefined, queue: undefined, after: undefined } as const;
  expect(await store.list({ ...all, state: 'done', limit: 20_000 })).toHaveLength(TASK_RECORDS_MAX);
});
