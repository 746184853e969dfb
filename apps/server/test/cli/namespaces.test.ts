import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.ok('namespace create shop');
  await terminal.ok('create orders --namespace shop');
});
afterAll(() => server.stop());

test('list shows the queues of one namespace, and says of which', async () => {
  expect(await terminal.ok('list')).toMatchObject({ stderr: "Found 0 queue(s) of namespace '_system'\n" });
  const { stdout, stderr } = await terminal.ok('list --namespace shop');
  expect(JSON.parse(stdout).items).toMatchObject([{ queue_name: 'orders', namespace: 'shop' }]);
  expect(stderr).toBe("Found 1 queue(s) of namespace 'shop'\n");
});

test('top shows the queues of all namespaces', async () => {
  expect((await terminal.ok('top --once')).stdout).toMatch(/^orders +0 /m);
});

test('schedules of a queue are found without the name of its namespace', async () => {
  const cron = ['--cron', '0 2 * * *'];
  expect(await terminal.run(['schedule', 'create', 'yearly', 'orders', ...cron])).toMatchObject({ code: 0 });
  const found = await terminal.ok('schedule list --queue orders');
  expect(found.stdout).toMatch(/^yearly +orders /m);
  expect(found.stderr).toBe("Found 1 schedule(s) of namespace 'shop'\n");
  expect((await terminal.ok('schedule list')).stderr).toBe("Found 0 schedule(s) of namespace '_system'\n");
  expect(await terminal.run(['schedule', 'list', '--queue', 'gone'])).toMatchObject({ code: 3 });
});

test('a change of a schedule says in which namespace it looked', async () => {
  const elsewhere = await terminal.run(['schedule', 'pause', 'yearly']);
  expect(elsewhere).toMatchObject({
    ...{ code: 3, stderr: expect.stringContaining("no such schedule named 'yearly' in namespace '_system'") },
  });
  await terminal.ok('schedule pause yearly --namespace shop');
});
