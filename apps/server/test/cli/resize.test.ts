import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess('second');
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

test('a queue gets more partitions by a command, and describe shows them', async () => {
  await terminal.ok('create mail');
  const dry = await terminal.ok('task resize mail 4 --dry-run');
  expect(dry.stderr).toContain('Successfully created task');
  const { stdout, stderr } = await terminal.ok('task resize mail 3 --json');
  const { id, ...task } = JSON.parse(stdout);
  expect(task).toMatchObject({ kind: 'resize', queue_name: 'mail' });
  expect(stderr).toBe(`Successfully created task '${id}'\n`);
  await vi.waitFor(
    async () => expect(JSON.parse((await terminal.ok(`task get ${id} --json`)).stdout).state).toBe('done'),
    { timeout: 20_000 },
  );
  const described = JSON.parse((await terminal.ok('describe mail --json')).stdout);
  expect(described.partitions).toHaveLength(3);
  const fewer = await terminal.ok('task resize mail 1 --move --wait --json');
  expect(JSON.parse(fewer.stdout)).toMatchObject({ kind: 'resize', to: 'mail', state: 'done' });
  await terminal.ok('task resize mail 3 --wait');
  const refused = await terminal.run(['task', 'resize', 'mail', '3']);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('partitions is invalid') });
});
