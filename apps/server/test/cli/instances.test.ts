import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(() => server.start());
afterAll(() => server.stop());

test('instances prints the servers on the same storage', async () => {
  const { stdout, stderr } = await terminal.ok('instances');
  expect(JSON.parse(stdout)).toMatchObject({ instances: [{ self: true }], complete: true });
  expect(stderr).toBe('Found 1 instance(s)\n');
});

test('instances names its failure', async () => {
  const down = startInProcess();
  await down.server.stop();
  const ran = await new Terminal(down.fetch).run(['instances']);
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error: failed to list instances: /) });
});
