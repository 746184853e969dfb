import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create mail');
  await terminal.ok('create copy');
  await terminal.ok('produce mail --payload hello --kind letter');
  await terminal.ok('produce mail --payload world --kind card');
});
afterAll(() => server.stop());

const idsOf = (lines: string) =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).id);

test('items are exported and imported, retried and deleted', async () => {
  const { stdout, stderr } = await terminal.ok('items export mail');
  expect(stderr).toBe('Exported 2 item(s)\n');
  const imported = await terminal.ok('items import copy', { input: stdout });
  expect(imported.stderr).toBe('Imported 2 item(s), 0 were there\n');
  const copied = await terminal.ok('find copy --json --with-payload');
  expect(JSON.parse(copied.stdout).items).toMatchObject([
    { kind: 'letter', payload: Buffer.from('hello').toString('base64'), first_id: idsOf(stdout)[0] },
    { kind: 'card' },
  ]);

  const [waiting] = idsOf(stdout);
  const retried = await terminal.run(['items', 'retry', 'mail', waiting]);
  expect(retried).toMatchObject({ code: 1, stderr: 'Error: failed to retry 1 of 1 item(s)\n' });
  expect(retried.stdout).toMatch(/^ID +OUTCOME +WHY\n\S+ +not_leased +/);
  const deleted = await terminal.ok(`items delete mail ${waiting} --json --yes`);
  expect(JSON.parse(deleted.stdout)).toEqual({ items: [{ id: waiting }] });
  const left = await terminal.ok('items export mail');
  expect(left.stderr).toBe('Exported 1 item(s)\n');
});

test('an import names the line that is wrong', async () => {
  const syntax = await terminal.run(['items', 'import', 'copy'], { input: '{"kind":"a"}\nnothing\n' });
  expect(syntax).toMatchObject({ code: 1, stderr: expect.stringContaining('line 2 is not an item: ') });
  const partition = await terminal.run(['items', 'import', 'copy', '--partition', '7'], { input: '{}\n' });
  expect(partition.stderr).toContain('failed to import the items from line 1 on: ');
});
