import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create mail');
  await terminal.ok('produce mail --payload hello');
});
afterAll(() => server.stop());

test('describe prints partitions as a table, and everything as JSON', async () => {
  await terminal.ok('pause mail --lease');
  const { stdout, stderr } = await terminal.ok('describe mail');
  const [heads, row] = stdout.split('\n');
  expect(heads).toMatch(/^PARTITION +STORAGE +STATE +HEALTH +WAITING +LEASED +SCHEDULED +KEYS +AGE$/);
  expect(row).toMatch(/^0 +\S+ +open +in_service +\d +0 +0 +0 +\d/);
  expect(stderr).toMatch(
    /^Holds \d waiting, 0 leased, 0 scheduled item\(s\)\nItems are leased for 1m0s, .*\nPaused: lease\n$/,
  );
  const json = JSON.parse((await terminal.ok('describe mail --json')).stdout);
  expect(json).toMatchObject({ queue: { queue_name: 'mail' }, pause: { lease: {} } });
  const missing = await terminal.run(['describe', 'missing']);
  expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining('failed to describe queue: ') });
});
