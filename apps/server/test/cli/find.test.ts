import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create mail');
  await terminal.ok('produce mail --payload hello --kind letter --reference a\u202eb');
  await terminal.ok('produce mail --payload world --kind card');
});
afterAll(() => server.stop());

test('find prints items as a table, without what a terminal would obey', async () => {
  const { stdout, stderr } = await terminal.ok('find mail --kind letter');
  const [heads, row, ...rest] = stdout.trimEnd().split('\n');
  expect(heads).toMatch(/^ID +PARTITION +STATE +ATTEMPTS +CREATED +DUE +KIND +REFERENCE +ERROR$/);
  expect(row).toMatch(/^[0-9A-Za-z]{27} +0 +waiting +0 +\S+Z +\S+Z +letter +a\\u202eb$/);
  expect(rest).toEqual([]);
  expect(stderr).toBe('Found 1 item(s) of 2 read\n');
});

test('find prints JSON, and goes on with a cursor', async () => {
  const first = await terminal.ok('find mail --limit 1 --json --with-payload');
  const { items, cursor } = JSON.parse(first.stdout);
  expect(items).toMatchObject([{ kind: 'letter', payload: Buffer.from('hello').toString('base64') }]);
  expect(first.stderr).toContain(`There may be more: --cursor ${cursor}`);
  const { stdout } = await terminal.ok(`find mail --cursor ${cursor} --json --payload or`);
  expect(JSON.parse(stdout).items).toMatchObject([{ kind: 'card' }]);
});

test('find counts items by a text', async () => {
  const { stdout, stderr } = await terminal.ok('find mail --by kind --state waiting');
  expect(stdout).toBe('COUNT  KIND\n1      card\n1      letter\n');
  expect(stderr).toBe('Counted 2 item(s) of 2 read\n');
  const json = await terminal.ok('find mail --by kind --json');
  expect(JSON.parse(json.stdout)).toMatchObject({ scanned: 2 });
});

test('find counts items by a pair of their metadata', async () => {
  await terminal.ok('create tenants');
  for (const tenant of ['blue', 'red', 'blue']) {
    await terminal.ok(`produce tenants --payload x --metadata tenant=${tenant}`);
  }
  await terminal.ok('produce tenants --payload x');
  const { stdout, stderr } = await terminal.ok('find tenants --by metadata.tenant');
  expect(stdout).toBe('COUNT  metadata.tenant\n2      blue\n1\n1      red\n');
  expect(stderr).toBe('Counted 4 item(s) of 4 read\n');
  const json = await terminal.ok('find tenants --by metadata.tenant --metadata tenant=red --json');
  expect(JSON.parse(json.stdout)).toMatchObject({ groups: [{ value: 'red', count: 1 }] });
});

test('find shows when a lease ends', async () => {
  await terminal.ok('create held --lease-timeout 10m');
  await terminal.ok('produce held --payload x');
  const { items } = JSON.parse((await terminal.ok('lease held')).stdout);
  const { stdout } = await terminal.ok('find held --state leased');
  expect(stdout).toContain(`Z  ${items[0].lease_deadline}\n`);
});

test('find names a wrong flag', async () => {
  const pair = await terminal.run(['find', 'mail', '--metadata', 'tenant']);
  expect(pair).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('It is not a pair such as key=value.'),
  });
  const time = await terminal.run(['find', 'mail', '--created-from', 'yesterday']);
  expect(time.stderr).toContain("invalid created-from time format (use RFC3339): 'yesterday'");
  const state = await terminal.run(['find', 'mail', '--state', 'gone']);
  expect(state.stderr).toContain('failed to find items: ');
});
