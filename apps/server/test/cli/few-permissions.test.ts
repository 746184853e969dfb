import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, clientWith, ENFORCED, newTenant } from '../access/support/access-server.ts';
import { TestServer } from '../support/test-server.ts';
import { COMMANDS } from './support/command-of-call.ts';
import { Terminal } from './support/terminal.ts';

/** What the commands of people do besides the calls of `COMMANDS`. */
const OTHERS = [
  'top --once',
  'peek q',
  'tail q --limit 1',
  'retry q --yes',
  'clear q --leased --scheduled --yes',
  'delete q --force --yes',
  'find q --by metadata.tenant',
  'quota list',
  'task delete-items q --yes',
  'task move-items q other',
  'task move-partition q 0 store-0',
  'task drain store-0',
  'task rebalance',
  'schedule list --queue q',
  'export --file -',
  'export q --file -',
];

const server = new TestServer({ ...ENFORCED, audit: { table: true } });
const terminal = new Terminal(fetch);
const keys: Record<string, string> = {};

beforeAll(async () => {
  await server.start('memory');
  const admin = (line: string) => terminal.ok(line, { env: envOf(ADMIN_KEY) });
  const kept = ['produce q --payload kept', 'task move-items q other --dry-run'];
  for (const line of ['namespace create n', 'create other', 'create q', ...kept]) await admin(line);
  keys['a key that may only see health'] = (await newTenant(server, ['system.health'])).key;
  const scoped = await newTenant(server, ['queue.produce', 'queue.lease'], { scope: true });
  keys['a key of another namespace'] = scoped.key;
});
afterAll(() => server.dispose());

const envOf = (key: string) => ({ QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: key });

/** All that the commands could change. */
async function state() {
  const { access, queues, storage, v2 } = clientWith(server, ADMIN_KEY);
  const { items: apiKeys } = await access.apiKeysList({ limit: 1_000 });
  return {
    queues: await queues.list({}),
    items: await storage.itemsList({ queueName: 'q', partition: 0 }),
    scheduled: await storage.scheduledList({ queueName: 'q', partition: 0 }),
    namespaces: await access.namespacesList({}),
    users: await access.usersList({ limit: 1_000 }),
    keys: apiKeys.map(({ lastUsedAt: _, ...rest }) => rest),
    roles: await access.rolesList({ namespace: '_system', limit: 1_000 }),
    bindings: await access.roleBindingsList({ namespace: '_system', limit: 1_000 }),
    schedules: await v2.schedules.list({}),
    tasks: await v2.tasks.list({}),
    quota: (await v2.quotas.get({ namespace: 'n', keyId: '' })).limits,
  };
}

const commands = Object.values(COMMANDS).flatMap((caller) => {
  if (typeof caller === 'string') return [{ line: caller, input: '' }];
  return 'of' in caller ? [] : [caller];
});

describe.each(['a key that may only see health', 'a key of another namespace'])('%s', (whose) => {
  test('is refused by every command with a clear error, and changes nothing', async () => {
    const before = await state();
    const answers: Record<string, string> = {};
    for (const { line, input } of [...commands, ...OTHERS.map((each) => ({ line: each, input: '' }))]) {
      const { code, stdout, stderr } = await terminal.run(line.split(' '), {
        ...{ input, isTerminal: true, env: envOf(keys[whose] ?? '') },
      });
      answers[line] = `${code} ${stdout}${stderr}`;
    }
    // Every caller may list tasks. The list leaves out those that the caller may not see.
    expect(answers['task list']).toMatch(/^0 ID .*\nFound 0 task\(s\)\n$/);
    delete answers['task list'];
    const refusal = /^1 Error: failed to [^:]+: .*access denied\n$/;
    expect(Object.entries(answers).filter(([, answer]) => !refusal.test(answer))).toEqual([]);
    expect(await state()).toEqual(before);
  });
});
