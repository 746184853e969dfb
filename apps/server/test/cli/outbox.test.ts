import { installSql } from '@querator/outbox';
import { expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const terminal = new Terminal(startInProcess().fetch);

test('outbox sql prints the SQL of an outbox in the given schema', async () => {
  expect((await terminal.ok('outbox sql')).stdout).toBe(installSql());
  const { stdout } = await terminal.ok('outbox sql --schema shop_outbox');
  expect(stdout).toBe(installSql({ schema: 'shop_outbox' }));
});

test('outbox sql refuses a schema that is no name', async () => {
  const ran = await terminal.run(['outbox', 'sql', '--schema', 'a b']);
  const text =
    "failed to print the SQL: schema is invalid; 'a b' is not 1 to 63 letters, digits and underscores";
  expect(ran).toMatchObject({ code: 1, stdout: '', stderr: `Error: ${text}\n` });
});
