import type { Fetch } from '@querator/client';
import { describe, expect, test } from 'vitest';
import { ALL_ENDPOINTS } from '../support/all-endpoints.ts';
import { commandTree, type RunOptions, Terminal } from './support/terminal.ts';

/** A command that makes a call. `of`: the same call of the other version of the API has a command. */
type Caller = string | { readonly line: string; readonly input: string } | { readonly of: string };

/** Browsers make these. The command line has its own keys. */
const OF_BROWSERS = new Set(['/v2/session.create', '/v2/session.get', '/v2/session.delete']);
const ENDPOINTS = ALL_ENDPOINTS.filter(({ path }) => !OF_BROWSERS.has(path));

/** The command of each call. */
const COMMANDS: Readonly<Record<string, Caller>> = {
  '/v1/queue.produce': 'produce q --payload x',
  '/v1/queue.lease': 'lease q',
  '/v1/queue.complete': 'complete q --partition 0 id',
  '/v1/queue.retry': { of: '/v2/queue.retry' },
  '/v1/queue.stats': 'stats q',
  '/v1/queue.clear': 'clear q --yes',
  '/v1/queue.reload': 'reload q',
  '/v1/queues.create': 'create q',
  '/v1/queues.list': 'list',
  '/v1/queues.info': 'info q',
  '/v1/queues.update': 'update q --reference x',
  '/v1/queues.delete': 'delete q --yes',
  '/v1/storage/items.list': 'items list q',
  '/v1/storage/items.import': { of: '/v2/items.import' },
  '/v1/storage/items.delete': { of: '/v2/items.delete' },
  '/v1/storage/scheduled.list': 'items list q --scheduled',
  '/v1/namespaces.create': 'namespace create n',
  '/v1/namespaces.update': 'namespace update n',
  '/v1/namespaces.list': 'namespace list',
  '/v1/namespaces.delete': 'namespace delete n --yes',
  '/v1/users.create': 'user create u',
  '/v1/users.list': 'user list',
  '/v1/users.delete': 'user delete u --yes',
  '/v1/apikeys.create': 'key create u',
  '/v1/apikeys.list': 'key list',
  '/v1/apikeys.delete': 'key delete k --yes',
  '/v1/roles.create': 'role create n r',
  '/v1/roles.list': 'role list',
  '/v1/roles.update': 'role update n r',
  '/v1/roles.delete': 'role delete n r --yes',
  '/v1/rolebindings.create': 'binding create n r u',
  '/v1/rolebindings.list': 'binding list',
  '/v1/rolebindings.delete': 'binding delete n r u --yes',
  '/v2/server.info': 'server-info',
  '/v2/instances.list': 'instances',
  '/v2/apikeys.rotate': 'key rotate k --grace 1h',
  '/v2/audit.list': 'audit list',
  '/v2/queue.produce': 'produce q --payload x --metadata a=b',
  '/v2/queue.lease': 'lease q --jsonl',
  '/v2/queue.complete': 'complete q --partition 0 id --each',
  '/v2/queue.retry': 'give-back q --partition 0 id',
  '/v2/queue.extend': 'extend q --partition 0 id --lease-timeout 1m',
  '/v2/items.find': 'find q',
  '/v2/items.summarize': 'find q --by kind',
  '/v2/items.retry': 'items retry q id',
  '/v2/items.delete': 'items delete q id --yes',
  '/v2/items.export': 'items export q',
  '/v2/items.import': { line: 'items import q', input: '{}\n' },
  '/v2/queues.list': 'queues list',
  '/v2/queues.describe': 'describe q',
  '/v2/queues.rates': 'rates q',
  '/v2/queues.delete': { line: 'delete q', input: 'y\n' },
  '/v2/queues.pause': 'pause q',
  '/v2/queues.resume': 'resume q',
  '/v2/queues.resize': 'task resize q 2',
  '/v2/quotas.get': 'quota get --namespace n',
  '/v2/quotas.set': 'quota set --namespace n --queues 1',
  '/v2/schedules.create': 'schedule create s q --cron *_*_*_*_*',
  '/v2/schedules.update': 'schedule update s q --cron *_*_*_*_*',
  '/v2/schedules.list': 'schedule list',
  '/v2/schedules.pause': 'schedule pause s',
  '/v2/schedules.resume': 'schedule resume s',
  '/v2/schedules.delete': 'schedule delete s --yes',
  '/v2/storages.list': 'storages list',
  '/v2/tasks.create': 'redrive q',
  '/v2/tasks.get': 'task get t',
  '/v2/tasks.list': 'task list',
  '/v2/tasks.cancel': 'task cancel t',
};

/** The calls that a command makes of a server which answers everything with an empty message. */
async function callsOf(line: string, options: RunOptions = {}): Promise<{ code: number; calls: string[] }> {
  const calls: string[] = [];
  const fetch: Fetch = async (url) => {
    calls.push(new URL(url).pathname);
    return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
  };
  const { code } = await new Terminal(fetch).run(line.split(' '), { isTerminal: true, ...options });
  return { code, calls };
}

/** What makes a call, of this or of the other version. */
function lineOf(path: string): { readonly line: string; readonly input: string } | undefined {
  const caller = COMMANDS[path];
  if (caller === undefined) return undefined;
  if (typeof caller === 'string') return { line: caller, input: '' };
  return 'of' in caller ? lineOf(caller.of) : caller;
}

describe('every call of the API has a command', () => {
  test.each(ENDPOINTS.map(({ path }) => path))('%s', async (path) => {
    const caller = COMMANDS[path];
    const made = caller !== undefined && typeof caller !== 'string' && 'of' in caller ? caller.of : path;
    const command = lineOf(path);
    expect(command, 'a row in COMMANDS').toBeDefined();
    const { calls } = await callsOf(command?.line ?? '', { input: command?.input ?? '' });
    expect(calls).toContain(made);
  });

  test('and no others are listed', () => {
    const paths = new Set(ENDPOINTS.map(({ path }) => path));
    expect(Object.keys(COMMANDS).filter((path) => !paths.has(path))).toEqual([]);
  });

  test('which answers for the other version only if both do the same', () => {
    const pairs = Object.entries(COMMANDS).flatMap(([path, caller]) =>
      typeof caller === 'object' && 'of' in caller ? [[path, caller.of] as const] : [],
    );
    const nameOf = (path: string) => path.replace(/^\/v[12]\/(storage\/)?/, '');
    for (const [path, of] of pairs) expect(nameOf(of)).toBe(nameOf(path));
  });
});

describe('commands that print a table', () => {
  const lines = Object.values(COMMANDS).flatMap((caller) => (typeof caller === 'string' ? [caller] : []));
  const commandOf = (line: string) => {
    let command = commandTree();
    for (const word of line.split(' ')) {
      command = command.commands.find((each) => each.name() === word) ?? command;
    }
    return command;
  };
  const withJson = lines.filter((line) => commandOf(line).options.some(({ long }) => long === '--json'));

  test.each([...new Set(withJson)])('%s prints JSON with --json, and nothing else', async (line) => {
    const fetch: Fetch = async () => new Response('{}', { headers: { 'Content-Type': 'application/json' } });
    const ran = await new Terminal(fetch).run([...line.split(' '), '--json']);
    expect(() => JSON.parse(ran.stdout)).not.toThrow();
  });
});
