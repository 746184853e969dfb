import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig, startServer } from '../../src/index.ts';
import { ADMIN_KEY, ENFORCED } from '../access/support/access-server.ts';
import { TestServer } from '../support/test-server.ts';
import { Terminal } from './support/terminal.ts';

const server = new TestServer({ ...ENFORCED, audit: { table: true } });
const terminal = new Terminal(fetch);
let folder: string;

beforeAll(async () => {
  await server.start('memory');
  folder = mkdtempSync(join(tmpdir(), 'querator-access-'));
});
afterAll(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true });
});

/** Runs a command as the administrator, and returns what it prints as JSON. */
async function admin(line: string): Promise<Record<string, unknown>> {
  const env = { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: ADMIN_KEY };
  const { stdout } = await terminal.ok(line, { env });
  return stdout === '' ? {} : JSON.parse(stdout);
}

describe('the audit on the command line', () => {
  test('prints the newest events, filtered and in parts', async () => {
    for (const name of ['one', 'two', 'three']) await admin(`namespace create ${name}`);
    const { items, cursor } = (await admin('audit list --action namespaces.create --limit 2')) as {
      items: { details: { name: string } }[];
      cursor: string;
    };
    expect(items.map(({ details }) => details.name)).toEqual(['three', 'two']);
    const rest = await admin(`audit list --action namespaces.create --actor admin --cursor ${cursor}`);
    expect(rest).toMatchObject({ items: [{ details: { name: 'one' }, username: 'admin', outcome: 'ok' }] });
    expect(await admin('audit list --namespace one')).toEqual({});
    expect(await admin('audit list --to 2020-01-01T00:00:00Z')).toEqual({});
    expect(await admin('audit list --from 2020-01-01T00:00:00Z --limit 1')).toMatchObject({
      items: [expect.anything()],
    });
    for (const name of ['one', 'two', 'three']) await admin(`namespace delete ${name} --yes`);
  });

  test('refuses a time that is none', async () => {
    const { code, stderr } = await terminal.run(['audit', 'list', '--from', 'yesterday']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('invalid from time format')]);
  });
});

describe('access control on the command line', () => {
  test('a quota is set, shown and removed', async () => {
    await admin('namespace create limited');
    await admin(
      'quota set --namespace limited --queues 3 --bytes-waiting 5000000000 --requests-per-second 100',
    );
    expect(await admin('quota get --namespace limited')).toMatchObject({
      limits: { queues: 3, bytes_waiting: 5_000_000_000, requests_per_second: 100 },
      source: 'stored',
      usage: { processes: 1 },
    });
    const { items } = (await admin('key list')) as { items: { id: string }[] };
    await admin(`quota set --key ${items[0]?.id} --connections 1000 --items-per-second 0`);
    expect(await admin(`quota get --key ${items[0]?.id}`)).toMatchObject({ limits: { connections: 1_000 } });
    await admin('quota set --namespace limited --remove');
    expect(await admin('quota get --namespace limited')).toMatchObject({ source: 'none' });
  });

  test('quotas are compared: who uses how much of what', async () => {
    await admin('namespace create full');
    await admin('create full-queue --namespace full');
    await admin('quota set --namespace full --queues 1 --items-waiting 100');
    const env = { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: ADMIN_KEY };
    const one = await terminal.ok('quota get --namespace full --table', { env });
    expect(one.stdout).toMatch(
      /^LIMIT +USED +ALLOWED\nqueues +1 +1\npartitions +1 +-\nitems-waiting +0 +100\n/,
    );
    expect(one.stderr).toBe('Where the limits come from: stored\n');
    const { stdout, stderr } = await terminal.ok('quota list', { env });
    const [heads, first, ...rest] = stdout.split('\n');
    expect(heads).toMatch(/^OF +NAME +SCOPE +LIMIT +USED +ALLOWED$/);
    expect(first).toMatch(/^namespace +full +queues +1 +1$/);
    expect(rest.join('\n')).toMatch(/^key \w+ +configured +connections +\d+ +1000$/m);
    expect(stderr).toMatch(/^Found \d+ namespace\(s\) and key\(s\)\n/);
    const { items } = (await admin('quota list --json')) as { items: object[] };
    expect(items).toContainEqual(
      expect.objectContaining({ namespace: 'full', limits: { queues: 1, items_waiting: 100 } }),
    );
  });

  test.each([
    ['quota get', 'one of --namespace and --key is required'],
    ['quota get --namespace a --key b', 'one of --namespace and --key is required'],
    ['quota set --namespace a --remove --queues 1', '--remove cannot be used together with limits'],
    ['quota set --namespace a --queues -1', 'It is not a whole number'],
    ['quota set --namespace a --bytes-waiting 5GB', 'It is not a whole number'],
    ['quota set --namespace nowhere --queues 1', "namespace does not exist; 'nowhere' was not found"],
  ])('%s is refused', async (line, text) => {
    const env = { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY: ADMIN_KEY };
    const refused = await terminal.run(line.split(' '), { env });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(text);
  });

  test('a tenant is set up, used and taken down again', async () => {
    await admin('namespace create acme --description first --key-tag acme');
    await admin('namespace update acme --description second --key-tag acme');
    expect(await admin('namespace list --pivot acme --limit 1')).toMatchObject({
      items: [{ name: 'acme', description: 'second', api_key_tag: 'acme' }],
    });
    const { id: userId } = await admin('user create ann --email ann@example.org --external-id 7');
    await admin('role create acme worker queue.list');
    await admin('role update acme worker queue.list queue.create');
    expect(await admin('role list --namespace acme')).toMatchObject({
      items: [{ name: 'worker', permissions: ['queue.list', 'queue.create'] }],
    });
    await admin(`binding create acme worker ${userId}`);
    expect(await admin(`binding list --namespace acme --user ${userId}`)).toMatchObject({
      items: [{ user_id: userId, namespace: 'acme' }],
    });
    const { id: keyId, key } = await admin(
      `key create ${userId} --name main --scope acme --expires-at 2099-01-01T00:00:00Z`,
    );
    expect(await admin(`key list --user ${userId}`)).toMatchObject({
      items: [{ id: keyId, namespace_scope: 'acme', expires_at: '2099-01-01T00:00:00Z' }],
    });

    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, `${key}\n`);
    const env = { QUERATOR_ENDPOINT: server.url, QUERATOR_API_KEY_FILE: keyFile };
    const denied = await terminal.run(['namespace', 'create', 'own'], { env });
    expect(denied).toMatchObject({ code: 1, stderr: expect.stringContaining('access denied') });
    const unknown = await terminal.run(['list', '--api-key', `${key}x`], { env });
    expect(unknown.stderr).toContain('api key does not exist');

    await admin(`key delete ${keyId} --yes`);
    await admin(`binding delete acme worker ${userId} --yes`);
    await admin('role delete acme worker --yes');
    await admin(`user delete ${userId} --yes`);
    await admin('namespace delete acme --yes');
    expect(await admin('user list')).toMatchObject({ items: [{ username: 'admin' }] });
  });

  test('a list goes on if the server ends a page early, up to the limit', async () => {
    const names = Array.from({ length: 90 }, (_, n) => `large-${String(n).padStart(2, '0')}`);
    const description = 'x'.repeat(100_000);
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    for (const name of names) await server.post('/v1/namespaces.create', { name, description }, headers);
    const page = await server.post('/v1/namespaces.list', { pivot: 'large', limit: 89 }, headers);
    expect(page.json.items.length).toBeLessThan(89);
    expect(await admin('namespace list --pivot large --limit 89')).toMatchObject({
      items: names.slice(0, 89).map((name) => ({ name })),
    });
    for (const name of names) await server.post('/v1/namespaces.delete', { name }, headers);
  });

  test('a key file that cannot be read, and a bad time, are errors that name the flag', async () => {
    const file = join(folder, 'missing');
    const unread = await terminal.run(['list', '--api-key-file', file]);
    expect(unread.stderr).toMatch(/^Error: failed to create client: --api-key-file: cannot read .*missing: /);
    const late = await terminal.run(['key', 'create', 'u', '--expires-at', 'tomorrow']);
    expect(late.stderr).toBe("Error: invalid expires-at time format (use RFC3339): 'tomorrow'\n");
  });

  test('recover creates an administrator in the database of running servers', {
    timeout: 60_000,
  }, async () => {
    const database = await createTestDatabase();
    const storage = { driver: 'postgres', config: { 'connection-string': database.connectionString } };
    const config = {
      ...ENFORCED,
      address: '127.0.0.1:0',
      'queue-storage': storage,
      'partition-storage': [{ name: 'store-0', ...storage }],
    };
    const file = join(folder, 'postgres.yaml');
    writeFileSync(file, JSON.stringify(config));
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const running = await startServer(parseConfig(JSON.stringify(config)), deps);
    try {
      const { stdout } = await terminal.run(['admin', 'recover'], { env: { QUERATOR_CONFIG: file } });
      const { key, username } = JSON.parse(stdout);
      const env = { QUERATOR_ENDPOINT: running.url, QUERATOR_API_KEY: key };
      const users = await terminal.ok('user list', { env });
      expect(users.stdout).toContain(username);
    } finally {
      await running.stop();
      await database.drop();
    }
  });

  test('recover refuses a server whose queues are in memory', async () => {
    const config = join(folder, 'memory.yaml');
    writeFileSync(config, 'auth-backend:\n  driver: internal\n');
    const refused = await terminal.run(['admin', 'recover', '--config', config]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('are in memory') });
    const unnamed = await terminal.run(['admin', 'recover']);
    expect(unnamed.stderr).toContain('required: --config or QUERATOR_CONFIG');
  });
});
