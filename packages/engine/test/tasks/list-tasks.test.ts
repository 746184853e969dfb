import { expect, test } from 'vitest';
import { type TaskProcess, TaskProcesses } from '../support/task-processes.ts';

const ALL = { namespace: '', queueName: '', kind: '', state: '', cursor: '', limit: 0 };

type Call = Partial<typeof ALL & { readonly dryRuns: string }>;

/** A process that runs no tasks, so that they stay as they were created, the last one first. */
async function withTasks(
  dryRuns: readonly boolean[],
): Promise<{ world: TaskProcesses; process: TaskProcess }> {
  const world = new TaskProcesses();
  const process = world.make();
  await world.createQueue(process);
  for (const dryRun of dryRuns) {
    await process.create({ dryRun });
    await world.clock.advance('1us');
  }
  return { world, process };
}

/** All pages of a list: whether each of their tasks is a dry run. */
async function pagesOf({ service }: TaskProcess, call: Call): Promise<readonly boolean[][]> {
  const pages: boolean[][] = [];
  let cursor = '';
  do {
    const page = await service.tasks.list({ ...ALL, ...call, cursor });
    pages.push(page.items.map(({ dryRun }) => dryRun));
    cursor = page.cursor;
  } while (cursor !== '');
  return pages;
}

test('tasks that only count are left out of full pages, or are the only ones', async () => {
  const { process } = await withTasks([true, false, true, true, false, true, false, true]);
  expect(await pagesOf(process, { dryRuns: 'without' })).toEqual([[false, false, false]]);
  expect(await pagesOf(process, { dryRuns: 'without', limit: 2 })).toEqual([[false, false], [false]]);
  expect(await pagesOf(process, { dryRuns: 'only', limit: 2 })).toEqual([[true, true], [true, true], [true]]);
  expect((await pagesOf(process, {})).flat()).toHaveLength(8);
});

test('ended tasks are those that do not run', async () => {
  const { world, process } = await withTasks([true, false]);
  const { items } = await process.service.tasks.list({ ...ALL, state: 'ended' });
  expect(items).toEqual([]);
  process.service.tasks.start();
  for (const { id } of (await process.service.tasks.list(ALL)).items) await world.ended(id);
  await process.create({ filter: { kind: 'later' }, dryRun: true });
  const ended = await process.service.tasks.list({ ...ALL, state: 'ended' });
  expect(ended.items.map(({ state, dryRun }) => [state, dryRun])).toEqual([
    ['done', false],
    ['done', true],
  ]);
});

test('a call reads a bounded number of tasks, and the next one goes on after them', async () => {
  const { process } = await withTasks([false, ...Array.from({ length: 950 }, () => true)]);
  let requests = 0;
  process.onCall = (call) => {
    if (call === 'tasks.list') requests++;
    return 'goes on';
  };
  expect(await pagesOf(process, { dryRuns: 'without', limit: 10 })).toEqual([[], [false]]);
  expect(requests).toBeLessThanOrEqual(12);
});

test.each([
  [
    { state: 'gone' },
    "state is invalid; 'gone' is not one of 'running', 'done', 'cancelled', 'failed', 'ended'",
  ],
  [{ dryRuns: 'no' }, "dry_runs is invalid; 'no' is not one of 'without', 'only'"],
] satisfies [Call, string][])('refuses %j', async (call, message) => {
  const { process } = await withTasks([]);
  await expect(process.service.tasks.list({ ...ALL, ...call })).rejects.toMatchObject({
    code: 'invalid',
    message,
  });
});
