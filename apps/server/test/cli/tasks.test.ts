import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

test('tasks are created, shown as tables or JSON, and cancelled', async () => {
  await terminal.ok('create q');
  await terminal.ok('produce q --payload a --kind order');
  const created = await terminal.ok('task delete-items q --kind order --rate 5 --json --yes');
  const { id } = JSON.parse(created.stdout);
  expect(JSON.parse(created.stdout)).toMatchObject({
    ...{ kind: 'delete', queue_name: 'q', rate: 5 },
    filter: { kind: 'order' },
  });
  expect(created.stderr).toBe(`Successfully created task '${id}'\n`);
  await vi.waitFor(async () => {
    const { stdout } = await terminal.ok(`task get ${id} --json`);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'done', done: 1 });
  });
  const { stdout } = await terminal.ok(`task get ${id}`);
  expect(stdout).toMatch(/^ID +KIND +STATE +QUEUE +TO +FILTER +MATCHED +DONE +FAILED +CREATED +ERROR\n/);
  expect(stdout).toMatch(new RegExp(`^${id} +delete +done +q +{"kind":"order"} +1 +1 +0 +20`, 'm'));
  const dry = await terminal.ok('task delete-items q --dry-run');
  expect(dry.stdout).toContain(' delete (dry run) ');
  expect(dry.stderr).toMatch(
    /^Successfully created task '(\w+)'; 'querator task get \1 --wait' prints the count\n$/,
  );
  const listed = await terminal.ok('task list --queue q --kind delete');
  expect(listed.stderr).toBe('Found 2 task(s)\n');
  const counts = await terminal.ok('task list --queue q --dry-runs only');
  expect(counts.stdout).toContain(' delete (dry run) ');
  expect(counts.stderr).toBe('Found 1 task(s)\n');
  const work = await terminal.ok('task list --queue q --state ended --dry-runs without --json');
  expect(JSON.parse(work.stdout).items).toMatchObject([{ id, kind: 'delete' }]);
  const cancelled = await terminal.ok(`task cancel ${id}`);
  expect(cancelled.stderr).toBe(`Successfully asked for the end of task '${id}'\n`);
  const json = await terminal.ok('task list --limit 1 --json');
  expect(JSON.parse(json.stdout).items).toHaveLength(1);
  expect(json.stderr).toContain('--cursor ');
});

test('items are retried by a task', async () => {
  await terminal.ok('create later');
  await terminal.ok('produce later --payload a --enqueue-at 2999-01-01T00:00:00Z');
  const created = await terminal.ok('task retry later --json');
  const { id } = JSON.parse(created.stdout);
  expect(JSON.parse(created.stdout)).toMatchObject({ kind: 'retry', filter: { state: 'scheduled' } });
  await vi.waitFor(async () => {
    const { stdout } = await terminal.ok(`task get ${id} --json`);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'done', done: 1 });
  });
  expect((await terminal.ok('task retry later --state leased --dry-run')).stdout).toContain(
    ' retry (dry run) ',
  );
});

test('--wait ends when the task has ended, and prints what it did', async () => {
  await terminal.ok('create waited');
  await terminal.ok('produce waited --file -', { input: 'a\nb\nc\n' });
  const dry = await terminal.ok('task delete-items waited --dry-run --wait');
  expect(dry.stdout).toMatch(/ delete \(dry run\) +done +waited +3 +0 +0 /);
  const sleep = () => new Promise<void>((resolve) => setImmediate(resolve));
  const deleted = await terminal.ok('task delete-items waited --yes --wait --json', { sleep });
  expect(JSON.parse(deleted.stdout)).toMatchObject({ state: 'done', done: 3 });
});

test('--wait fails if the task does, and Ctrl-C leaves it running', async () => {
  await terminal.ok('create slow');
  await terminal.ok('produce slow --file -', { input: 'a\nb\nc\n' });
  const interruption = new AbortController();
  const left = await terminal.run(['task', 'delete-items', 'slow', '--rate', '1', '--yes', '--wait'], {
    ...{ sleep: async () => interruption.abort(), interrupted: () => interruption.signal },
  });
  expect(left.code).toBe(130);
  const id = left.stderr.match(/^Successfully created task '(\w+)'\nTask '\1' goes on\n$/)?.[1] ?? '';
  await terminal.ok(`task cancel ${id}`);
  const cancelled = await terminal.run(['task', 'get', id, '--wait']);
  expect(cancelled).toMatchObject({ code: 1, stderr: `Error: task '${id}' is cancelled\n` });
});

test('a task command names its failure', async () => {
  const ran = await terminal.run(['task', 'get', 'missing']);
  expect(ran).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/^Error: failed to get task: .*task does not exist/),
  });
});
