import type { LogFields, Logger } from '@querator/core';
import { actionOf, silentLogger } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/index.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { ALL_ENDPOINTS, ENDPOINTS_WITH_PERMISSION } from '../support/all-endpoints.ts';
import { until } from '../support/raw-connection.ts';
import { SocketFixture } from '../support/socket-fixture.ts';
import { STORAGES, TestServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, newQueue, newTenant } from './support/access-server.ts';
import { bodyOf } from './support/all-calls.ts';

const QUEUE = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };

let events: LogFields[];
let server: TestServer;
beforeEach(() => {
  events = [];
});
afterEach(() => server.dispose());

const recorder: Logger = {
  ...silentLogger,
  info: (message, fields = {}) => void (message === 'audit' && events.push(fields)),
};

async function start(settings: object = ENFORCED, storage: (typeof STORAGES)[number] = 'memory') {
  server = new TestServer(settings, recorder);
  await server.start(storage);
  events.length = 0;
}

const post = (path: string, body: object | string, key = ADMIN_KEY, headers: Record<string, string> = {}) =>
  server.post(path.startsWith('/') ? path : `/v1/${path}`, body, {
    ...(key === '' ? {} : { Authorization: `Bearer ${key}` }),
    ...headers,
  });

/** The events of one call. */
async function eventsOf(...call: Parameters<typeof post>) {
  events.length = 0;
  const reply = await post(...call);
  return { ...reply, events: [...events] };
}

describe.each(STORAGES)('the audit on %s', { timeout: 60_000 }, (storage) => {
  test('has an event for each call that changes settings, access or items, and no others', async () => {
    await start({ ...ENFORCED, audit: { table: true } }, storage);
    const lease = { queue_name: 'q', client_id: 'c', batch_size: 1, request_timeout: '5s' };
    const items = (...texts: string[]) => ({
      ...{ queue_name: 'q', request_timeout: '5s' },
      items: texts.map((utf8) => ({ utf8 })),
    });
    const q = { namespace: '_system', queue: 'q' };
    const seen = new Set<string>();
    const audited = ['ok'];
    const counted = ['begun', 'ok'];

    /** Makes a call that succeeds, and checks its events: their outcomes, and their fields besides. */
    const call = async (
      action: string,
      body: object,
      outcomes: string[] = [],
      fields: object = {},
      version = 1,
    ) => {
      const path = `/v${version}/${action}`;
      seen.add(path);
      const { text, status, json, events: found } = await eventsOf(path, body);
      expect(status, text).toBe(200);
      expect(found.map(({ outcome }) => outcome)).toEqual(outcomes);
      for (const event of found) {
        const by = { user: 'admin', userId: expect.any(String), keyId: expect.any(String) };
        const { items: _, ...rest } = fields as { items?: number };
        const expected = {
          action: version === 1 ? action : `v${version}/${action}`,
          ...by,
          peer: '127.0.0.1',
          ...(event['outcome'] === 'begun' ? rest : fields),
        };
        expect(event).toEqual({ ...expected, outcome: event['outcome'] });
      }
      return json;
    };

    await call('namespaces.create', { name: 'n' }, audited, { name: 'n' });
    await call('namespaces.update', { name: 'n', description: 'd' }, audited, {
      ...{ name: 'n', changes: [{ field: 'description', before: '', after: 'd' }] },
    });
    await call('namespaces.list', {});
    const id = expect.any(String);
    const { id: userId } = await call('users.create', { username: 'ann' }, audited, { name: 'ann', id });
    await call('users.list', {});
    const key = await call('apikeys.create', { user_id: userId, name: 'k', namespace_scope: 'n' }, audited, {
      ...{ id, name: 'k', ofUser: userId, scope: 'n' },
    });
    expect(events[0]).toMatchObject({ id: key.id });
    await call('apikeys.list', {});
    const role = { namespace: 'n', name: 'r', permissions: ['queue.list', 'queue.stats'] };
    await call('roles.create', role, audited, { ...role, permissions: 'queue.list queue.stats', id });
    await call('roles.update', { ...role, permissions: [] }, audited, {
      ...{ ...role, permissions: '', id },
      changes: [{ field: 'permissions', before: 'queue.list queue.stats', after: '' }],
    });
    await call('roles.list', {});
    const binding = { namespace: 'n', role_name: 'r', user_id: userId };
    const bound = { namespace: 'n', role: 'r', ofUser: userId };
    await call('rolebindings.create', binding, audited, { ...bound, id });
    await call('rolebindings.list', {});
    await call('rolebindings.delete', binding, audited, bound);
    await call('roles.delete', { namespace: 'n', name: 'r' }, audited, { namespace: 'n', name: 'r' });
    await call('apikeys.rotate', { id: key.id, grace: '1h' }, audited, { id: key.id }, 2);
    const limit = (after: string) => [{ field: 'queues', before: '0', after }];
    const ofNamespace = { namespace: 'n', changes: limit('5') };
    await call('quotas.set', { namespace: 'n', limits: { queues: 5 } }, audited, ofNamespace, 2);
    const ofKey = { namespace: '_system', ofKey: key.id, changes: limit('6') };
    await call('quotas.set', { key_id: key.id, limits: { queues: 6 } }, audited, ofKey, 2);
    await call('quotas.get', { namespace: 'n' }, [], {}, 2);
    await call('apikeys.delete', { id: key.id }, audited, { id: key.id });
    await call('users.delete', { id: userId }, audited, { id: userId });
    await call('namespaces.delete', { name: 'n' }, audited, { name: 'n' });

    await call('queues.create', QUEUE, audited, q);
    await call('queues.update', { queue_name: 'q', max_attempts: 9 }, audited, {
      ...{ ...q, changes: [{ field: 'max_attempts', before: '0', after: '9' }] },
    });
    await call('queues.update', { queue_name: 'q', max_attempts: 9 }, audited, q);
    await call('queues.list', {});
    await call('queues.info', { queue_name: 'q' });
    await call('queue.produce', items('a', 'b', 'c'));
    await call('queue.complete', {
      ...{ queue_name: 'q', request_timeout: '5s' },
      ids: [(await call('queue.lease', lease)).items[0].id],
    });
    const leased = await call('queue.lease', lease);
    await call('queue.retry', { queue_name: 'q', items: [{ id: leased.items[0].id }] });
    const { items: again } = await call('queue.lease', lease, [], {}, 2);
    const extended = { queue_name: 'q', request_timeout: '5s', lease_timeout: '2m', ids: [again[0].id] };
    await call('queue.extend', extended, [], {}, 2);
    const lost = '0'.repeat(27);
    await call('queue.complete', { queue_name: 'q', request_timeout: '5s', ids: [lost] }, [], {}, 2);
    await call('queue.retry', { queue_name: 'q', items: [{ id: lost }] }, [], {}, 2);
    await call('queue.produce', items('d'), [], {}, 2);
    await call('queue.stats', { queue_name: 'q' });
    await call('items.find', { queue_name: 'q' }, [], {}, 2);
    await call('queues.describe', { queue_name: 'q' }, [], {}, 2);
    await call('queues.rates', { queue_name: 'q' }, [], {}, 2);
    await call('items.summarize', { queue_name: 'q', by: 'kind' }, [], {}, 2);
    await call('queue.reload', { queue_name: 'q' });
    const { items: listed } = await call('storage/items.list', { queue_name: 'q' });
    await call('storage/scheduled.list', { queue_name: 'q' });
    const ids = [listed[0].id, `${'0'.repeat(26)}1`];
    const inPartition = { ...q, partition: 0 };
    await call('storage/items.delete', { queue_name: 'q', ids }, counted, { ...inPartition, items: 1 });
    const imported = { queue_name: 'q', items: [{ source_id: 'x' }, { source_id: 'y' }] };
    await call('storage/items.import', imported, counted, { ...inPartition, items: 2 });
    await call('storage/items.import', imported, counted, { ...inPartition, items: 0 });
    const { items: exported } = await call('items.export', { queue_name: 'q' }, [], {}, 2);
    const letters = exported.filter((item: { source_id?: string }) => item.source_id !== undefined);
    await call('items.import', { queue_name: 'q', items: letters }, counted, { ...q, items: 0 }, 2);
    const missing = { queue_name: 'q', ids: [lost] };
    await call('items.retry', missing, counted, { ...inPartition, items: 0 }, 2);
    await call('items.delete', missing, counted, { ...inPartition, items: 0 }, 2);
    await call('queue.clear', { queue_name: 'q', queue: true }, counted, { ...q, items: 4 });
    const dryRun = { kind: 'delete', queue_name: 'q', dry_run: true };
    const task = await call('tasks.create', dryRun, audited, { ...q, id, kind: 'delete' }, 2);
    await call('tasks.get', { id: task.id }, [], {}, 2);
    await call('tasks.list', {}, [], {}, 2);
    await call('tasks.cancel', { id: task.id }, audited, { ...q, id: task.id, kind: 'delete' }, 2);
    const updated = { ...q, changes: [{ field: 'reference', before: '', after: 'by v2' }] };
    await call(
      'queues.update',
      { queue_name: 'q', max_attempts: 9, reference: 'by v2' },
      audited,
      updated,
      2,
    );
    const pause = (before: string, after: string) => [{ field: 'pause.lease', before, after }];
    const paused = { ...q, changes: pause('off', 'until resumed') };
    await call('queues.pause', { queue_name: 'q', lease: true }, audited, paused, 2);
    const resumed = { ...q, changes: pause('until resumed', 'off') };
    await call('queues.resume', { queue_name: 'q', lease: true }, audited, resumed, 2);
    const resize = { queue_name: 'q', partitions: 2, dry_run: true };
    await call('queues.resize', resize, audited, { ...q, id }, 2);
    const schedule = {
      ...{ name: 's', queue_name: 'q', cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one' },
      item: { utf8: 'secret' },
    };
    const named = { namespace: '_system', name: 's', id };
    await call('schedules.create', schedule, audited, { ...q, name: 's', id }, 2);
    const changed = [
      { field: 'cron', before: '0 0 1 1 *', after: '0 0 2 1 *' },
      { field: 'item', before: 'as before', after: 'changed' },
    ];
    const update = { ...schedule, cron: '0 0 2 1 *', item: { utf8: 'hidden' } };
    await call('schedules.update', update, audited, { ...q, name: 's', id, changes: changed }, 2);
    await call('schedules.list', {}, [], {}, 2);
    const isPaused = (before: string, after: string) => [{ field: 'paused', before, after }];
    await call(
      'schedules.pause',
      { name: 's' },
      audited,
      { ...named, changes: isPaused('false', 'true') },
      2,
    );
    await call(
      'schedules.resume',
      { name: 's' },
      audited,
      { ...named, changes: isPaused('true', 'false') },
      2,
    );
    await call('schedules.delete', { name: 's' }, audited, { namespace: '_system', name: 's' }, 2);
    await call('queues.delete', { queue_name: 'q' }, counted, { ...q, items: 0 });
    await post('queues.create', QUEUE);
    await call('queues.delete', { queue_name: 'q' }, counted, { ...q, items: 0 }, 2);
    await call('server.info', {}, [], {}, 2);
    await call('instances.list', {}, [], {}, 2);
    await call('audit.list', {}, [], {}, 2);
    await call('storages.list', {}, [], {}, 2);
    await call('queues.list', {}, [], {}, 2);
    const read = { changes: [{ field: 'write', before: '', after: 'false' }] };
    await call('session.create', {}, audited, read, 2);
    await call('session.delete', {}, audited, {}, 2);
    // Without the cookie of a browser there is none.
    seen.add('/v2/session.get');

    expect([...seen].sort()).toEqual(ALL_ENDPOINTS.map(({ path }) => path).sort());
  });

  test('tells what an update of a queue changed, and how many items a deletion removed', async () => {
    await start(ENFORCED, storage);
    await post('queues.create', { ...QUEUE, reference: 'before' });
    const update = {
      queue_name: 'q',
      lease_timeout: '90s',
      expire_timeout: '24h',
      reference: 'x'.repeat(200),
    };
    expect((await eventsOf('queues.update', update)).events).toMatchObject([
      {
        changes: [
          { field: 'lease_timeout', before: '1m0s', after: '1m30s' },
          { field: 'expire_timeout', before: '1h0m0s', after: '24h0m0s' },
          { field: 'reference', before: 'before', after: `${'x'.repeat(99)}…` },
        ],
      },
    ]);
    const wrong = { queue_name: 'q', lease_timeout: '25h' };
    const [failed] = (await eventsOf('queues.update', wrong)).events;
    expect(failed).toMatchObject({ outcome: 'failed' });
    expect(failed).not.toHaveProperty('changes');
    await post('storage/items.import', { queue_name: 'q', items: [{}, {}, {}] });
    const { events: found } = await eventsOf('queues.delete', { queue_name: 'q' });
    expect(found).toMatchObject([{ outcome: 'begun' }, { outcome: 'ok', items: 3 }]);
  });

  test('knows the namespace of a queue that it deletes', async () => {
    await start(ENFORCED, storage);
    const { namespace } = await newTenant(server, []);
    const queue = await newQueue(server, namespace);
    expect((await eventsOf('queues.delete', { queue_name: queue })).events).toMatchObject([
      { queue, namespace, outcome: 'begun' },
      { queue, namespace, outcome: 'ok' },
    ]);
  });
});

test.each(ENDPOINTS_WITH_PERMISSION.map(({ path, audited }) => [path, audited] as const))(
  'a denied %s is an event if it is audited: %s',
  async (path, audited) => {
    await start();
    const action = actionOf(path);
    const { key, userId, keyId } = await newTenant(server, []);
    for (const [by, who] of [
      ['', { user: 'anonymous', userId: 'anonymous' }],
      [key, { userId, keyId }],
    ] as const) {
      const { status, events: found } = await eventsOf(path, bodyOf(path), by);
      expect(status).toBe(403);
      const denied = { action, outcome: 'failed', code: 403, reason: 'access denied', ...who };
      expect(found).toEqual(audited === false ? [] : [expect.objectContaining(denied)]);
    }
  },
);

describe('an event', () => {
  test('counts the items of all partitions', async () => {
    await start();
    const queue_name = await newQueue(server, '_system', { requestedPartitions: 2 });
    for (const [partition, items] of [[{}], [{}, {}]].entries()) {
      await post('storage/items.import', { queue_name, partition, items });
    }
    const { events: found } = await eventsOf('queue.clear', { queue_name, queue: true });
    expect(found).toMatchObject([{ outcome: 'begun' }, { outcome: 'ok', items: 3 }]);
  });

  test('has the id of its request', async () => {
    await start();
    const headers = { 'X-Request-Id': 'change-17' };
    const { events: found } = await eventsOf('namespaces.create', { name: 'n' }, ADMIN_KEY, headers);
    expect(found).toMatchObject([{ requestId: 'change-17' }]);
  });

  test('never holds a secret, a payload or a part of a body that is refused', async () => {
    await start();
    const { access } = clientWith(server, ADMIN_KEY);
    const { id: userId } = await access.usersCreate({
      username: 'ann',
      email: 'PRIVATE',
      externalId: 'PRIVATE',
    });
    const { id, key, prefix } = await access.apiKeysCreate({ userId, name: 'k' });
    const rotated = (await post('/v2/apikeys.rotate', { id, grace: '1h' })).json;
    await newQueue(server, '_system');
    await post('queues.create', QUEUE);
    const item = { utf8: 'PRIVATE', kind: 'PRIVATE', reference: 'PRIVATE', encoding: 'PRIVATE' };
    await post('storage/items.import', { queue_name: 'q', items: [item] });
    for (const body of ['{"items": [PRIVATE]}', '{"items": [{"bytes": "PRIVATE!"}]}', '{"PRIVATE": 1']) {
      const { events: found, text } = await eventsOf('storage/items.import', body);
      expect(found).toMatchObject([{ outcome: 'failed', code: expect.any(Number) }]);
      expect(found[0]).not.toHaveProperty('reason');
      expect(text).not.toBe('');
    }
    await post('storage/items.import', { queue_name: 'q', items: [{ ...item, attempts: -1 }] });
    await post('users.create', { username: 'bob' }, key);
    const secrets = ['PRIVATE', key, key.slice(9), prefix, ADMIN_KEY, rotated.key, rotated.prefix];
    for (const secret of secrets) expect(JSON.stringify(events)).not.toContain(secret);
  });

  test('cuts long names, and the log shows their invisible characters', async () => {
    const written: string[] = [];
    const target = createLogger('json', 'info', { write: (line) => void written.push(line) });
    server = new TestServer(ENFORCED, target);
    await server.start('memory');
    const name = `a\u202e\u0085"\n${'x'.repeat(5_000)}`;
    await post('users.create', { username: name });
    await post('roles.create', { namespace: name, name, permissions: [name, ...Array(40).fill(name)] });
    await post('queues.create', { ...QUEUE, queue_name: name });
    await post('queue.clear', { queue_name: name, queue: true });
    await post('storage/items.delete', { queue_name: name, ids: [name] });
    const lines = written.filter((line) => line.includes('"audit"'));
    expect(lines).toHaveLength(7);
    for (const line of lines) {
      expect(line.length).toBeLessThan(4_000);
      expect(line).not.toMatch(/\u202e|\u0085/);
      expect(line).toContain('a\\u202e\\u0085\\"\\n');
      expect(JSON.parse(line)).toMatchObject({ level: 'info', message: 'audit' });
    }
  });

  test('tells of a call that is refused by its headers', async () => {
    await start();
    const { events: found } = await eventsOf('namespaces.create', { name: 'n' }, ADMIN_KEY, {
      Accept: 'text/html',
    });
    expect(found).toMatchObject([
      { action: 'namespaces.create', outcome: 'failed', code: 455, user: 'admin' },
    ]);
    expect((await eventsOf('namespaces.create', { name: 'n' }, 'qtr-live-unknown')).events).toEqual([]);
  });
});

describe('the setting audit.log', () => {
  test.each([
    ['without access control', {}, false],
    ['true without access control', { audit: { log: true } }, true],
    ['without a value', { ...ENFORCED, audit: {} }, true],
    ['false', { ...ENFORCED, audit: { log: false } }, false],
  ])('%s', async (_, settings, isOn) => {
    await start(settings);
    const { events: found } = await eventsOf('namespaces.create', { name: 'n' });
    expect(found.length).toBe(isOn ? 1 : 0);
  });

  test('is true or false', () => {
    expect(() => parseConfig('audit:\n  log: maybe\n')).toThrow('line 2: audit.log: expected true or false');
  });
});

describe('while a call runs', () => {
  let fixture: SocketFixture;
  beforeEach(async () => {
    server = new TestServer();
    fixture = await new SocketFixture({ auditLogger: recorder }).start();
    await fixture.createQueue('q');
  });
  afterEach(() => fixture.stop());

  test('an event says that items may change', async () => {
    const release = fixture.storage.hold('clear', 0);
    const client = await fixture.connect();
    client.call('/v1/queue.clear', { queue_name: 'q', queue: true });
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ outcome: 'begun' }]);
    release();
    await client.untilReplies(1);
    expect(events).toMatchObject([{ outcome: 'begun' }, { outcome: 'ok', items: 0 }]);
  });

  test('its client may disconnect: the event has its address all the same', async () => {
    const release = fixture.storage.holdQueues('create');
    const client = await fixture.connect();
    client.call('/v1/queues.create', { ...QUEUE, queue_name: 'other' });
    await until(() => fixture.http.connections.counts().idle === 0);
    client.socket.destroy();
    await until(() => fixture.sockets[0]?.destroyed === true);
    expect(events).toEqual([]);
    release();
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ outcome: 'ok', queue: 'other', peer: '127.0.0.1' }]);
  });
});
