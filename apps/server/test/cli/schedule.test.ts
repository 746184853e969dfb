import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create reports');
});
afterAll(() => server.stop());

test('schedule creates, updates, lists, pauses, resumes and deletes', async () => {
  const create = [
    'schedule',
    'create',
    'nightly',
    'reports',
    '--cron',
    '0 2 1 1 *',
    '--time-zone',
    'Europe/Berlin',
  ];
  const created = await terminal.run([...create, '-p', 'hello', '--kind', 'report']);
  expect(created).toMatchObject({ code: 0, stderr: "Successfully created schedule 'nightly'\n" });
  expect(JSON.parse(created.stdout)).toMatchObject({
    ...{ name: 'nightly', queue_name: 'reports', missed: 'one', state: 'active' },
    item: { kind: 'report', bytes: Buffer.from('hello').toString('base64') },
  });
  const update = ['schedule', 'update', 'nightly', 'reports', '--cron', '0 3 1 1 *', '--missed', 'skip'];
  expect(await terminal.run([...update, '--until', '2090-01-01T00:00:00Z'])).toMatchObject({
    ...{ code: 0, stderr: "Successfully updated schedule 'nightly'\n" },
  });

  const table = await terminal.ok('schedule list --queue reports');
  expect(table.stderr).toBe("Found 1 schedule(s) of namespace '_system'\n");
  expect(table.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['NAME', 'QUEUE', 'CRON', 'TIME ZONE', 'STATE', 'NEXT', 'FIRED', 'MISSED', 'FAILURE'],
    [
      'nightly',
      'reports',
      '0 3 1 1 *',
      'UTC',
      'active',
      expect.stringMatching(/-01-01T03:00:00Z$/),
      '0',
      '0',
      '-',
    ],
    [''],
  ]);
  const { stdout } = await terminal.ok('schedule list --json');
  expect(JSON.parse(stdout)).toMatchObject({ items: [{ name: 'nightly', until: '2090-01-01T00:00:00Z' }] });

  for (const [verb, done] of [
    ['pause nightly', 'paused'],
    ['resume nightly', 'resumed'],
    ['delete nightly --yes', 'deleted'],
  ]) {
    expect(await terminal.ok(`schedule ${verb}`)).toMatchObject({
      stderr: `Successfully ${done} schedule 'nightly'\n`,
    });
  }
  expect(await terminal.run(['schedule', 'pause', 'nightly'])).toMatchObject({
    ...{ code: 3, stderr: expect.stringContaining('failed to pause schedule: ') },
  });
});

test('schedule create names what is wrong with an expression', async () => {
  const wrong = ['schedule', 'create', 'x', 'reports', '--cron', '* * * *'];
  expect(await terminal.run(wrong)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('cron is invalid; expected five fields'),
  });
});
