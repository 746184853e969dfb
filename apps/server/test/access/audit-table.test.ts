import { type LogFields, type Logger, silentLogger } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/index.ts';
import { createServerAudit } from '../../src/startup/server-audit.ts';
import { STORAGES, TestServer } from '../support/test-server.ts';
import {
  ADMIN_KEY,
  clientWith,
  ENFORCED,
  newQueue,
  newTenant,
  type Tenant,
} from './support/access-server.ts';

const STORED = { ...ENFORCED, audit: { table: true } };
const OWNER = [
  'rolebinding.list',
  'queue.create',
  'queue.update',
  'queue.delete',
  'queue.clear',
  'queue.produce',
];

let server: TestServer;
let logged: LogFields[];
afterEach(() => server.dispose());

const recorder: Logger = {
  ...silentLogger,
  info: (message, fields = {}) => void (message === 'audit' && logged.push(fields)),
};

async function start(settings: object = STORED, storage: (typeof STORAGES)[number] = 'memory') {
  logged = [];
  server = new TestServer(settings, recorder);
  await server.start(storage);
}

const post = (path: string, body: object, key = ADMIN_KEY) =>
  server.post(path, body, { Authorization: `Bearer ${key}` });

const audit = (key = ADMIN_KEY) => clientWith(server, key).v2.audit;

/** All events that a caller sees, the newest first. */
async function eventsOf(request: object = {}, key = ADMIN_KEY) {
  const events = [];
  let cursor = '';
  do {
    const page = await audit(key).list({ ...request, cursor });
    events.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== '');
  return events;
}

const actionsOf = (events: readonly { action: string; outcome: string }[]) =>
  events.map(({ action, outcome }) => `${action} ${outcome}`);

const createQueue = (queueName: string, key: string, namespace: string) =>
  clientWith(server, key).queues.create({
    ...{ queueName, namespace, leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 },
  });

describe.each(STORAGES)('the audit table on %s', { timeout: 60_000 }, (storage) => {
  test('has the events of the log', async () => {
    await start(STORED, storage);
    const { access, queues, queue, storage: items, v2 } = clientWith(server, ADMIN_KEY);
    const { id: userId } = await access.usersCreate({ username: 'ann' });
    await access.namespacesCreate({ name: 'n' });
    await access.namespacesUpdate({ name: 'n', description: 'd' });
    await access.rolesCreate({ namespace: 'n', name: 'r', permissions: ['queue.list'] });
    await access.rolesUpdate({ namespace: 'n', name: 'r', permissions: [] });
    await access.roleBindingsCreate({ namespace: 'n', roleName: 'r', userId });
    await access.roleBindingsDelete({ namespace: 'n', roleName: 'r', userId });
    await access.rolesDelete({ namespace: 'n', name: 'r' });
    const { id } = await access.apiKeysCreate({ userId, name: 'k' });
    await v2.apiKeys.rotate({ id, grace: '1h' });
    await access.apiKeysDelete({ id });
    await access.usersDelete({ id: userId });
    await access.namespacesDelete({ name: 'n' });
    await createQueue('q', ADMIN_KEY, '');
    const settings = { queueName: 'q', maxAttempts: 9 };
    await queues.update(settings);
    await v2.queues.pause({ queueName: 'q', produce: true });
    await v2.queues.resume({ queueName: 'q' });
    await items.itemsImport({ queueName: 'q', items: [{ sourceId: 'a' }, {}, {}] });
    const { items: listed } = await items.itemsList({ queueName: 'q' });
    await items.itemsDelete({ queueName: 'q', ids: [listed[0]?.id ?? ''] });
    await queue.clear({ queueName: 'q', queue: true });
    await items.itemsImport({ queueName: 'q', items: [{}] });
    await expect(queues.create({ queueName: 'q' })).rejects.toThrow();
    await v2.queues.delete({ queueName: 'q', force: true });

    const stored = await eventsOf();
    const text = (fields: LogFields) => JSON.stringify(fields, Object.keys(fields).sort());
    const ofStored = stored.map((event) => {
      const { action, outcome, username: user, userId, keyId, peer, namespace, code, reason } = event;
      const { items: count, partition, ...details } = Object.fromEntries(event.details);
      const number = (name: string, value: unknown) => (value === undefined ? {} : { [name]: Number(value) });
      return {
        ...{ action, outcome, user, userId, keyId, peer, ...details },
        ...{ ...number('items', count), ...number('partition', partition) },
        ...(namespace === '' ? {} : { namespace }),
        ...(code === 0 ? {} : { code, reason }),
        ...(event.changes.length === 0 ? {} : { changes: event.changes }),
      };
    });
    expect(logged.length).toBe(28);
    expect(ofStored.map(text).sort()).toEqual(logged.map(text).sort());
    expect(stored.find(({ action }) => action === 'queues.update')).toMatchObject({
      changes: [{ field: 'max_attempts', before: '0', after: '9' }],
    });
    const deletion = stored.filter(({ action }) => action === 'v2/queues.delete');
    expect(deletion[0]?.id).toBe(deletion[1]?.id);
    expect(deletion[0]?.details.get('items')).toBe('1');
  });

  test('survives the server if the storage does', async () => {
    await start(STORED, storage);
    await createQueue('q', ADMIN_KEY, '');
    await server.restart(storage);
    const found = actionsOf(await eventsOf());
    expect(found).toEqual(storage === 'memory' ? [] : ['queues.create ok']);
  });

  test('finds a call by its name in every version, or in one', async () => {
    await start(STORED, storage);
    const { queues, v2 } = clientWith(server, ADMIN_KEY);
    for (const name of ['a', 'b']) await createQueue(name, ADMIN_KEY, '');
    await queues.delete({ queueName: 'a' });
    await v2.queues.delete({ queueName: 'b' });
    await v2.tasks.create({ kind: 'rebalance' });
    const found = async (action: string) => actionsOf(await eventsOf({ action }));
    const [first, second] = [
      ['queues.delete ok', 'queues.delete begun'],
      ['v2/queues.delete ok', 'v2/queues.delete begun'],
    ];
    expect(await found('queues.delete')).toEqual([...second, ...first]);
    expect(await found('v2/queues.delete')).toEqual(second);
    expect(await found('v1/queues.delete')).toEqual(first);
    expect(await found('tasks.create')).toEqual(['v2/tasks.create ok']);
  });

  test('shows a time, an actor and an action, in pages', async () => {
    await start(STORED, storage);
    const tenant = await newTenant(server, OWNER);
    for (const name of ['a', 'b', 'c']) await createQueue(name, tenant.key, tenant.namespace);
    const created = { namespace: tenant.namespace, action: 'queues.create' };
    const names = (events: readonly { details: Map<string, string> }[]) =>
      events.map(({ details }) => details.get('queue'));
    const all = await eventsOf(created);
    expect(names(all).sort()).toEqual(['a', 'b', 'c']);
    const username = all[0]?.username;
    expect(await eventsOf({ ...created, actor: tenant.userId })).toEqual(all);
    expect(await eventsOf({ ...created, actor: username })).toEqual(all);
    expect(await eventsOf({ ...created, actor: 'admin' })).toEqual([]);
    expect(await eventsOf({ ...created, limit: 1 })).toEqual(all);
    const [newest, , oldest] = all;
    expect(await eventsOf({ ...created, to: newest?.at })).not.toContainEqual(newest);
    expect(await eventsOf({ ...created, from: newest?.at })).toContainEqual(newest);
    expect(await eventsOf({ ...created, to: oldest?.at })).toEqual([]);
  });

  test('shows a tenant the events of its own namespace only', async () => {
    await start(STORED, storage);
    const [mine, other] = [await newTenant(server, OWNER), await newTenant(server, OWNER)];
    await createQueue('mine', mine.key, mine.namespace);
    await createQueue('other', other.key, other.namespace);
    // attempts on what belongs to the other tenant
    const attempts: [string, object][] = [
      [
        '/v1/queues.create',
        { queue_name: 'x', namespace: other.namespace, lease_timeout: '1m', expire_timeout: '1h' },
      ],
      ['/v1/queues.create', { queue_name: ' ', namespace: other.namespace }],
      ['/v1/queues.update', { queue_name: 'other', namespace: other.namespace, lease_timeout: '1m' }],
      ['/v1/queue.clear', { queue_name: 'other', queue: true }],
      ['/v1/queues.delete', { queue_name: 'other' }],
      ['/v1/roles.create', { namespace: other.namespace, name: 'r' }],
      ['/v1/rolebindings.create', { namespace: other.namespace, role_name: 'member', user_id: mine.userId }],
    ];
    for (const [path, body] of attempts) expect((await post(path, body, mine.key)).status).not.toBe(200);
    await clientWith(server, ADMIN_KEY).queues.delete({ queueName: 'other' });

    expect(actionsOf(await eventsOf({ namespace: mine.namespace }, mine.key))).toEqual(
      expect.arrayContaining(['queues.create ok', 'roles.create ok', 'rolebindings.create ok']),
    );
    const seen = await eventsOf({ namespace: other.namespace }, other.key);
    for (const event of seen) {
      expect(event.namespace).toBe(other.namespace);
      expect(event.userId).not.toBe(mine.userId);
    }
    expect(actionsOf(seen)).toEqual(expect.arrayContaining(['queues.delete begun', 'queues.delete ok']));
    for (const namespace of [other.namespace, '', '_system', 'missing']) {
      await expect(audit(mine.key).list({ namespace })).rejects.toThrow('access denied');
    }
    const denied = (await eventsOf()).filter(({ userId, code }) => userId === mine.userId && code !== 0);
    expect(denied.length).toBe(attempts.length);
    for (const { namespace } of denied) expect(namespace).toBe('');
  });

  test('shows nothing of an earlier namespace of the same name', async () => {
    await start(STORED, storage);
    const { access } = clientWith(server, ADMIN_KEY);
    const own = async (): Promise<Tenant> => {
      const tenant = await newTenant(server, ['rolebinding.list']);
      await access.namespacesCreate({ name: 'reused' });
      await access.rolesCreate({ namespace: 'reused', name: 'r', permissions: ['rolebinding.list'] });
      await access.roleBindingsCreate({ namespace: 'reused', roleName: 'r', userId: tenant.userId });
      return tenant;
    };
    const first = await own();
    expect(await eventsOf({ namespace: 'reused' }, first.key)).toHaveLength(2);
    await access.roleBindingsDelete({ namespace: 'reused', roleName: 'r', userId: first.userId });
    await access.rolesDelete({ namespace: 'reused', name: 'r' });
    await access.namespacesDelete({ name: 'reused' });
    const second = await own();
    const seen = await eventsOf({ namespace: 'reused' }, second.key);
    expect(actionsOf(seen)).toEqual(expect.arrayContaining(['roles.create ok', 'rolebindings.create ok']));
    expect(seen.filter(({ details }) => details.get('ofUser') === first.userId)).toEqual([]);
    expect(actionsOf(seen)).not.toContain('roles.delete ok');
  });
});

describe('audit.list', () => {
  test('is refused to a scoped key outside of its namespace, also in _system', async () => {
    await start();
    const { access } = clientWith(server, ADMIN_KEY);
    const { userId } = (await access.roleBindingsList({})).items[0] as { userId: string };
    const { namespace } = await newTenant(server, []);
    const { key } = await access.apiKeysCreate({ userId, name: 'scoped', namespaceScope: namespace });
    await expect(audit(key).list({})).rejects.toThrow('access denied');
    // The key reads other lists of _system, as documented.
    expect((await clientWith(server, key).access.roleBindingsList({})).items).toHaveLength(1);
    expect(await audit(key).list({ namespace })).toMatchObject({ cursor: '' });
  });

  test.each([
    [{ limit: -1 }, 'limit is invalid; limit cannot be negative'],
    [{ limit: 501 }, 'limit is invalid; cannot be greater than 500'],
    [{ cursor: 'x' }, 'cursor is invalid; expected the cursor of a reply'],
    [{ cursor: 'A'.repeat(1_000) }, 'cursor is invalid; expected the cursor of a reply'],
  ])('refuses %j', async (request, message) => {
    await start();
    await expect(audit().list(request)).rejects.toMatchObject({ code: 'invalid', message });
  });

  test('fails on a server without an audit table, and server.info says so', async () => {
    await start(ENFORCED);
    const client = clientWith(server, ADMIN_KEY);
    await expect(client.v2.audit.list({})).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('audit.table'),
    });
    expect((await client.v2.server.info({})).capabilities).not.toContain('audit.list');
    await server.dispose();
    await start();
    expect((await clientWith(server, ADMIN_KEY).v2.server.info({})).capabilities).toContain('audit.list');
  });

  test('works without access control', async () => {
    await start({ audit: { table: true } });
    await newQueue(server, '_system');
    expect(await eventsOf()).toMatchObject([{ action: 'queues.create', username: 'anonymous', keyId: '' }]);
    expect(logged).toEqual([]);
  });
});

describe('the settings of the table', () => {
  test('are a switch and a time of an hour or more', () => {
    expect(parseConfig('audit: {}\n').audit).toEqual({ table: false, keep: '2160h' });
    expect(() => parseConfig('audit:\n  table: maybe\n')).toThrow(
      'line 2: audit.table: expected true or false',
    );
    for (const keep of ['90s', '59m59s', '-90h', '0s']) {
      expect(() => parseConfig(`audit:\n  keep: ${keep}\n`)).toThrow(
        'line 2: audit.keep: expected at least 1h',
      );
    }
    expect(() => parseConfig('audit:\n  keep: 90d\n')).toThrow('line 2: audit.keep');
  });

  test('need a storage that can keep events', () => {
    const clock = new ManualClock();
    const random = new SeededRandom();
    const queueStorage = new FaultyStorage(memoryBackend({ name: 'mem', clock, random }));
    const deps = { clock, random, logger: silentLogger, monotonicClock: () => 0, queueStorage };
    expect(() => createServerAudit(parseConfig('audit:\n  table: true\n'), deps)).toThrow(
      "storage 'mem' of the queues cannot keep audit events: leave out audit.table",
    );
  });
});

// Nobody but the server writes to its table, so a constraint stands for every fault of it.
describe('a table that refuses events', { timeout: 60_000 }, () => {
  let admin: pg.Client;

  async function startRefusing() {
    await start(STORED, 'postgres');
    admin = new pg.Client(server.connectionString);
    await admin.connect();
    await createQueue('q', ADMIN_KEY, '');
    const { storage } = clientWith(server, ADMIN_KEY);
    await storage.itemsImport({ queueName: 'q', items: [{}, {}] });
    await admin.query('ALTER TABLE querator_audit ADD CONSTRAINT full_up CHECK (false) NOT VALID');
  }
  afterEach(() => admin.end());

  test('lets no change happen', async () => {
    await startRefusing();
    const { queues, queue, storage, access } = clientWith(server, ADMIN_KEY);
    const before = await queues.info({ queueName: 'q' });
    const { items } = await storage.itemsList({ queueName: 'q' });
    const refused = { code: 'retry', message: 'internal error, try your request again' };
    await expect(createQueue('other', ADMIN_KEY, '')).rejects.toMatchObject(refused);
    await expect(queues.update({ queueName: 'q', maxAttempts: 9 })).rejects.toMatchObject(refused);
    await expect(queues.delete({ queueName: 'q' })).rejects.toMatchObject(refused);
    await expect(queue.clear({ queueName: 'q', queue: true })).rejects.toMatchObject(refused);
    await expect(storage.itemsImport({ queueName: 'q', items: [{}] })).rejects.toMatchObject(refused);
    const ids = items.map(({ id }) => id);
    await expect(storage.itemsDelete({ queueName: 'q', ids })).rejects.toMatchObject(refused);
    await expect(access.namespacesCreate({ name: 'n' })).rejects.toMatchObject(refused);
    await expect(access.usersCreate({ username: 'ann' })).rejects.toMatchObject(refused);

    expect(await queues.info({ queueName: 'q' })).toEqual(before);
    expect((await queues.list({})).items).toHaveLength(1);
    expect((await storage.itemsList({ queueName: 'q' })).items).toEqual(items);
    expect((await access.usersList({})).items).toHaveLength(1);
    expect((await access.namespacesList({})).items.map(({ name }) => name)).toEqual(['_system']);

    await admin.query('ALTER TABLE querator_audit DROP CONSTRAINT full_up');
    await queues.update({ queueName: 'q', maxAttempts: 9 });
    expect(actionsOf(await eventsOf({ action: 'queues.update' }))).toEqual(['queues.update ok']);
  });

  test('does not change what a refused caller is told, and others go on', async () => {
    await startRefusing();
    await expect(createQueue('q', ADMIN_KEY, '')).rejects.toThrow("'q' already exists");
    const { queue } = clientWith(server, ADMIN_KEY);
    await queue.produce({ queueName: 'q', requestTimeout: '5s', items: [{ utf8: 'a' }] });
    expect((await queue.stats({ queueName: 'q' })).queueName).toBe('q');
  });
});
