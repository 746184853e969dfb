import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

async function ended(id: string) {
  return vi.waitFor(async () => {
    const task = JSON.parse((await terminal.ok(`task get ${id} --json`)).stdout);
    expect(task).toMatchObject({ state: 'done' });
    return task;
  });
}

test('items are moved and letters redriven by commands', async () => {
  await terminal.ok('create from');
  await terminal.ok('create to');
  await terminal.ok('produce from --payload a --kind order');
  await terminal.ok('produce from --payload b --kind mail');
  const moved = JSON.parse((await terminal.ok('task move-items from to --kind order --json')).stdout);
  expect(moved).toMatchObject({ kind: 'move', queue_name: 'from' });
  expect(await ended(moved.id)).toMatchObject({ matched: 1, done: 1 });
  const dry = JSON.parse((await terminal.ok('redrive from --dry-run --json')).stdout);
  expect(await ended(dry.id)).toMatchObject({ kind: 'redrive', matched: 1, failed: 1, dry_run: true });
  const created = await terminal.ok('redrive from --to to --rate 100 --json');
  const { id } = JSON.parse(created.stdout);
  expect(created.stderr).toBe(`Successfully created task '${id}'\n`);
  expect(await ended(id)).toMatchObject({ done: 1, rate: 100 });
  const found = await terminal.ok('find to --json');
  expect(found.stdout).toContain('"kind": "mail"');
});

test('a redrive names its failure', async () => {
  const ran = await terminal.run(['redrive', 'from', '--to', 'from']);
  expect(ran).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Error: failed to create task: .*it cannot be/),
  });
});
