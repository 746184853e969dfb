import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, ENFORCED } from '../access/support/access-server.ts';
import { TestServer } from '../support/test-server.ts';
import { Terminal } from './support/terminal.ts';

const server = new TestServer({ ...ENFORCED, audit: { table: true } });
const terminal = new Terminal(fetch);
const run = (line: string) =>
  terminal.run(line.split(' '), { env: { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: ADMIN_KEY } });

beforeAll(async () => {
  await server.start('memory');
  for (const line of ['create mail', 'create full', 'produce full --payload x --kind order']) await run(line);
});
afterAll(() => server.dispose());

describe('what does not exist is exit code 3', () => {
  test.each([
    'info gone',
    'update gone --reference x',
    'delete gone --yes',
    'describe gone',
    'stats gone',
    'pause gone',
    'resume gone',
    'produce gone --payload x',
    'lease gone --timeout 20ms',
    'complete gone -p 0 00000000000000003gKsCBwP17h',
    'complete mail -p 7 00000000000000003gKsCBwP17h',
    'complete mail -p 0 malformed',
    'create other --dead-queue gone',
    'find gone',
    'items export gone',
    'items delete mail 00000000000000003gKsCBwP17h --yes',
    'items retry gone 00000000000000003gKsCBwP17h',
    'redrive gone',
    'task delete-items gone --yes',
    'task get gone',
    'task cancel gone',
    'schedule pause gone',
    'schedule delete gone --yes',
    'namespace update gone',
    'namespace delete gone --yes',
    'user delete gone --yes',
    'key create gone',
    'key delete gone --yes',
    'role update _system gone',
    'role delete _system gone --yes',
    'binding create _system gone gone',
    'binding delete _system gone gone --yes',
    'quota get --key gone',
  ])('%s', async (line) => {
    const { code, stderr } = await run(line);
    expect(stderr).toMatch(/^Error: /);
    expect(code).toBe(3);
  });
});

describe('no item is exit code 3', () => {
  test.each([
    ['lease mail --timeout 20ms', /^Error: .*no items are in the queue/],
    ['find mail', /^Found 0 item\(s\) of 0 read\n$/],
    ['find full --kind letter --json', /^Found 0 item\(s\) of 1 read\n$/],
    ['find full --kind letter --by kind', /^Counted 0 item\(s\) of 1 read\n$/],
  ])('%s', async (line, stderr) => {
    expect(await run(line)).toMatchObject({ code: 3, stderr: expect.stringMatching(stderr) });
  });
});

describe('an empty list, and an item, are no failures', () => {
  test.each([
    'find full',
    'find full --by kind',
    'task list',
    'audit list --namespace nowhere',
    'schedule list',
  ])('%s', async (line) => expect((await run(line)).code).toBe(0));
});

describe('a refusal is exit code 1', () => {
  test.each([
    'create mail',
    'delete mail',
    'list --cert-file /no/such --key-file /no/such',
    'list --endpoint http://127.0.0.1:1',
    // The lease is lost. The item may be there all the same.
    'complete mail -p 0 00000000000000003gKsCBwP17h',
  ])('%s', async (line) => {
    expect((await run(line)).code).toBe(1);
  });

  test('of some items, while others are gone', async () => {
    const [id] = JSON.parse((await run('find full --json')).stdout).items.map(({ id }: { id: string }) => id);
    const line = `items retry full ${id} 00000000000000003gKsCBwP17h`;
    expect(await run(line)).toMatchObject({ code: 1, stderr: 'Error: failed to retry 2 of 2 item(s)\n' });
  });
});

describe('wrong usage is exit code 2', () => {
  test.each([
    'task',
    'lease mail --timeout soon',
    'quota get',
    'quota get --namespace a --key b',
    'quota set --namespace a --remove --queues 1',
    'audit list --from yesterday',
    'key create u --expires-at tomorrow',
    'pause mail --until later',
    'storage list',
    'admin recover',
    'server --workers none',
    'export mail --file - --resume',
    'migrate --from http://a --to http://b --follow',
  ])('%s', async (line) => {
    expect((await run(line)).code).toBe(2);
  });
});
