import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess('second');
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

test('a partition moves to another storage by a command, and describe shows where it is', async () => {
  await terminal.ok('create mail');
  for (const payload of ['a', 'b']) await terminal.ok(`produce mail --payload ${payload}`);
  const created = await terminal.ok('task move-partition mail 0 second --json');
  const { id, ...task } = JSON.parse(created.stdout);
  expect(task).toMatchObject({ kind: 'move_partition', queue_name: 'mail' });
  expect(created.stderr).toBe(`Successfully created task '${id}'\n`);
  await vi.waitFor(
    async () => expect((await terminal.ok('task list --kind move_partition')).stdout).toContain('done'),
    { timeout: 20_000 },
  );
  const described = JSON.parse((await terminal.ok('describe mail --json')).stdout);
  expect(described.partitions).toMatchObject([{ storage_name: 'second' }]);
  const listed = await terminal.ok('find mail');
  expect(listed.stderr).toContain('Found 2 item(s)');
});

test('a move names its failure, and other kinds of tasks refuse a storage', async () => {
  const ran = await terminal.run(['task', 'move-partition', 'mail', '0', 'third']);
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining("no such storage 'third'") });
  const answer = await fetch('http://server/v2/tasks.create', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ kind: 'delete', queue_name: 'mail', storage_name: 'second' }),
  });
  expect(await answer.json()).toMatchObject({
    code: 400,
    message: "storage_name is invalid; a task of the kind 'delete' takes none",
  });
});
