import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess('second');
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

const ended = (kind: string, state = 'done') =>
  vi.waitFor(
    async () => expect((await terminal.ok(`task list --kind ${kind}`)).stdout).toContain(` ${state} `),
    { timeout: 20_000 },
  );

test('a storage is drained by a command, which shows before what would move', async () => {
  await terminal.ok('create mail');
  await terminal.ok('produce mail --payload a');
  await terminal.ok('task move-partition mail 0 second');
  await ended('move_partition');
  const dry = await terminal.ok('task drain second --dry-run --json');
  const { id } = JSON.parse(dry.stdout);
  await ended('drain');
  const lines = (await terminal.ok(`task get ${id}`)).stdout.split('\n');
  expect(lines.slice(3, 5).map((line) => line.trim().split(/ +/))).toEqual([
    ['QUEUE', 'PARTITION', 'FROM', 'TO', 'ITEMS', 'TASK', 'ERROR'],
    ['mail', '0', 'second', 'mem-0', '1'],
  ]);
  const created = await terminal.ok('task drain second --at-once 4');
  expect(created.stderr).toMatch(/^Successfully created task '/);
  await vi.waitFor(
    async () => {
      const described = JSON.parse((await terminal.ok('describe mail --json')).stdout);
      expect(described.partitions).toMatchObject([{ storage_name: 'mem-0' }]);
    },
    { timeout: 20_000 },
  );
});

test('a drain names what is wrong', async () => {
  const ran = await terminal.run(['task', 'drain', 'mem-0']);
  expect(ran).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("storage 'mem-0' takes new partitions, set its affinity to 0"),
  });
});
