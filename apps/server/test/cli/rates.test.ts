import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('create mail');
});
afterAll(() => server.stop());

test('rates prints a table, or JSON', async () => {
  const { stdout } = await terminal.ok('rates mail');
  expect(stdout).toMatch(/^MINUTE +PRODUCED +LEASED +COMPLETED +RETRIED +DEAD +WAITING +HEAD AGE\n$/);
  const json = JSON.parse((await terminal.ok('rates mail --json --span 24h')).stdout);
  expect(json).toEqual({ now: expect.any(String) });
  const missing = await terminal.run(['rates', 'missing']);
  expect(missing.stderr).toContain('failed to read rates: ');
});
