import { type AccessTransaction, LIMITS } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { accessRecords } from './support/access-records.ts';
import { auditEvent, EVERYTHING } from './support/audit-content.ts';
import { HOUR, item, verdict } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const QUEUE = {
  ...{ name: 'plain', namespace: '', leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: '' },
  ...{ maxAttempts: 0, reference: '', requestedPartitions: 1, partitions: [] },
};
const SMILE = 'smile-😀';
const LACKS = 'has a character that the storage cannot hold';
const PLAIN = { isLeased: false, attempts: 0, maxAttempts: 0 };

describe.each(['LATIN1', 'SQL_ASCII', 'EUC_JP'])('a database in %s', { timeout: 60_000 }, (encoding) => {
  const isUniversal = encoding === 'SQL_ASCII';
  let main: TestDatabase;
  let connectionString: string;
  let admin: pg.Client;
  let provider: string;
  let force: string;
  let backend: ReturnType<typeof testBackend>;
  const inIt = () => new pg.Client(connectionString);

  beforeAll(async () => {
    main = await createTestDatabase();
    const url = new URL(main.connectionString);
    url.pathname = `/${main.name}_encoded`;
    connectionString = url.href;
    admin = new pg.Client(main.connectionString);
    await admin.connect();
    const version = Number((await admin.query('SHOW server_version_num')).rows[0].server_version_num);
    provider = version >= 150_000 ? 'LOCALE_PROVIDER libc' : '';
    force = version >= 130_000 ? ' WITH (FORCE)' : '';
  });
  afterAll(async () => {
    await admin.end();
    await main.drop();
  });
  beforeEach(async () => {
    await admin.query(
      `CREATE DATABASE ${main.name}_encoded ENCODING '${encoding}' TEMPLATE template0 ${provider} LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    backend = testBackend(connectionString);
  });
  afterEach(async () => {
    await backend.close();
    await admin.query(`DROP DATABASE ${main.name}_encoded${force}`);
  });
  const storeOf = (queue: string) =>
    backend.partitionStore(
      { queue, partition: 0 },
      { createdAt: 5n as never, isThere: async () => true, wasDeleted: async () => false },
    );

  test('an audit event is stored unchanged, whatever texts it has', async () => {
    const store = backend.auditStore();
    const event = auditEvent('a', { namespace: SMILE, username: `${SMILE}\0`, object: { queue: '\ud83d' } });
    await store.append([event]);
    expect((await store.list({ ...EVERYTHING, namespace: SMILE })).events).toMatchObject([event]);
    const update = auditEvent('b', { reason: SMILE });
    await backend.queueStore().create(QUEUE, undefined, () => update);
    expect((await store.list(EVERYTHING)).events).toMatchObject([update, event]);
  });

  test('a search for a text that no item can have finds nothing', async () => {
    const store = storeOf('searched');
    await store.produce([{ items: [item('a')] }], HOUR);
    const metadata = new Map([[SMILE, SMILE]]);
    for (const filter of [
      { kind: SMILE },
      { error: SMILE },
      { metadata },
      { firstId: SMILE },
      { ids: [SMILE] },
    ]) {
      expect(await store.find?.({ filter, limit: 5 })).toMatchObject({ items: [] });
    }
    expect((await store.find?.({ filter: { reference: 'a' }, limit: 5 }))?.items).toHaveLength(1);
  });

  test.each([
    ['queue name', { name: SMILE }],
    ['namespace name', { namespace: SMILE }],
    ['dead queue', { deadQueue: SMILE }],
    ['reference field', { reference: SMILE }],
  ])('a queue is stored unchanged, or refused with the name of its %s', async (field, part) => {
    const queues = backend.queueStore();
    const created = queues.create({ ...QUEUE, ...part });
    if (isUniversal) {
      expect(await created).toMatchObject(part);
      return;
    }
    await expect(created).rejects.toMatchObject({
      name: 'QueueError',
      message: `${field} is invalid; it ${LACKS}`,
    });
    expect(await queues.list({ namespace: '', pivot: '', limit: 5 })).toEqual([]);
    await queues.create(QUEUE);
    if ('name' in part || 'namespace' in part) return;
    const update = queues.update('plain', (stored) => ({ ...stored, ...part }));
    await expect(update).rejects.toMatchObject({
      name: 'QueueError',
      message: `${field} is invalid; it ${LACKS}`,
    });
    expect(await queues.get('plain')).toMatchObject({ reference: '', deadQueue: '' });
  });

  test('a queue whose name the encoding lacks does not exist', async () => {
    const queues = backend.queueStore();
    const { createdAt } = await queues.create(QUEUE);
    expect(await queues.get(SMILE)).toBeUndefined();
    expect(await queues.findByDeadQueue(SMILE)).toBeUndefined();
    expect(await queues.update(SMILE, (stored) => stored)).toBeUndefined();
    expect(await queues.delete(SMILE)).toBe(false);
    expect(await queues.beginDelete(SMILE, createdAt, { timeout: HOUR, check: () => {} })).toBe(false);
    expect(await queues.wasDeleted(SMILE, createdAt)).toBe(false);
    expect([...(await queues.stamps([SMILE, 'plain', 'other'])).keys()]).toEqual(['plain']);
    expect(await queues.list({ namespace: SMILE, pivot: '', limit: 5 })).toEqual([]);
    const from = queues.list({ namespace: '', pivot: SMILE, limit: 5 });
    if (isUniversal) expect(await from).toEqual([]);
    else
      await expect(from).rejects.toMatchObject({
        name: 'QueueError',
        message: `pivot is invalid; it ${LACKS}`,
      });
  });

  test('users and roles are stored unchanged, or refused with the name of the field', async () => {
    const store = backend.accessStore();
    const { user, role } = accessRecords();
    const writes = [
      ['username', (to: AccessTransaction) => to.addUser({ ...user, username: SMILE })],
      ['permissions', (to: AccessTransaction) => to.addRole({ ...role, permissions: [SMILE] })],
    ] as const;
    for (const [field, write] of writes) {
      const change = store.change(write);
      if (isUniversal) await change;
      else await expect(change).rejects.toMatchObject({ message: `${field} is invalid; it ${LACKS}` });
    }
    // A transaction goes on after a search for a name that nothing can have.
    const looking = store.change(async (transaction) => {
      const found = await transaction.role('a', SMILE);
      await transaction.addUser({ ...user, id: 'b', username: 'later' });
      return found;
    });
    expect(await looking).toBeUndefined();
    expect((await store.userNamed('later'))?.id).toBe('b');
    const [found] = await Promise.all([store.userNamed(SMILE), store.grants({ username: SMILE })]);
    expect(found?.username).toBe(isUniversal ? SMILE : undefined);
    const from = store.users({ pivot: SMILE, limit: 5 });
    if (isUniversal) expect(await from).toEqual([]);
    else await expect(from).rejects.toMatchObject({ message: `pivot is invalid; it ${LACKS}` });
  });

  test('items are stored unchanged, or refused with the name of the field, and other items of the batch are stored', async () => {
    const store = storeOf(SMILE);
    for (const field of ['reference', 'encoding', 'kind'] as const) {
      const bad = { ...item('a'), [field]: SMILE };
      const outcomes = await store.produce(
        [{ items: [item('b')] }, { items: [bad] }, { items: [item('c')] }],
        HOUR,
      );
      const expected = isUniversal ? 'ok' : `invalid item; ${field} ${LACKS} (SQLSTATE 22P05)`;
      expect(outcomes.map(verdict)).toEqual(['ok', expected, 'ok']);
      expect((await store.produce([{ items: [bad] }], HOUR)).map(verdict)).toEqual([expected]);
      const imported = store.import([{ ...bad, ...PLAIN }], HOUR);
      if (isUniversal) expect(await imported).toMatchObject([{ [field]: SMILE }]);
      else await expect(imported).rejects.toMatchObject({ name: 'QueueError', message: expected });
    }
    const named = store.import([{ ...item('a'), ...PLAIN, sourceId: SMILE }], HOUR);
    if (isUniversal) expect(await named).toMatchObject([{ sourceId: SMILE }]);
    else
      await expect(named).rejects.toMatchObject({
        name: 'QueueError',
        message: `invalid item; source_id ${LACKS} (SQLSTATE 22P05)`,
      });
    const items = await store.list({ state: 'queued', pivot: '', limit: 50 });
    expect(items.length).toBe(isUniversal ? 6 + 3 + 3 + 3 + 1 : 6);
  });

  test('metadata and dedup keys are stored unchanged, or refused with the name of the field', async () => {
    const store = storeOf('plain');
    const fields = [
      ['metadata', { metadata: new Map([['a', SMILE]]) }, 'key'],
      ['metadata', { metadata: new Map([[SMILE, 'a']]) }, 'other key'],
      ['dedup_key', {}, SMILE],
    ] as const;
    for (const [field, part, key] of fields) {
      const expected = isUniversal ? 'ok' : `invalid item; ${field} ${LACKS} (SQLSTATE 22P05)`;
      const groups = [{ key, items: [{ ...item('a'), ...part }] }];
      const good = { groups: [{ key: `good ${key.length}`, items: [item('b')] }], window: HOUR };
      const options = { expireTimeout: HOUR, newKeys: 'store' } as const;
      const outcomes = await store.produceKeyed?.([{ groups, window: HOUR }, good], options);
      expect(outcomes?.map(verdict)).toEqual([expected, 'ok']);
      if (field === 'metadata') {
        expect((await store.produce([{ items: groups[0]?.items ?? [] }], HOUR)).map(verdict)).toEqual([
          expected,
        ]);
      }
      // A queue that is full of keys only looks for those that it has.
      const found = await store.produceKeyed?.([{ groups, window: HOUR }, good], {
        ...options,
        newKeys: 'refuse',
      });
      const [refused, known] = found ?? [];
      if (isUniversal || field === 'metadata') expect(refused?.ok).toBe(true);
      else expect(verdict(refused)).toBe(expected);
      expect(known).toMatchObject({ ok: true, value: { groups: [{ state: 'duplicate' }] } });
    }
  });

  test('the error of a retry never prevents the retry: characters that the encoding lacks are escaped', async () => {
    const store = storeOf('plain');
    await store.produce([{ items: ['a', 'b', 'c'].map(item) }], HOUR);
    const leased = await store.lease({ limit: 3, leaseTimeout: HOUR });
    const [a = '', b = '', c = ''] = leased.map(({ id }) => id);
    const outcomes = await store.retry(
      [
        { items: [{ id: a, dead: false, error: `\u00e9${SMILE}` }] },
        { items: [{ id: b, dead: false, error: 'plain' }] },
        { items: [{ id: SMILE, dead: false, error: SMILE }] },
        { items: [{ id: c, dead: false, error: '\u{1f600}'.repeat(500) }] },
      ],
      { maxAttempts: 0, dead: 'delete' },
    );
    expect(outcomes.map(verdict)).toEqual(['ok', 'ok', expect.stringContaining(SMILE), 'ok']);
    const items = await store.list({ state: 'queued', pivot: '', limit: 5, details: true });
    const errors = items.map(({ details }) => details?.error ?? '');
    expect(errors.slice(0, 2)).toEqual([
      isUniversal ? `\u00e9${SMILE}` : '\\u00e9smile-\\ud83d\\ude00',
      'plain',
    ]);
    expect(Buffer.byteLength(errors[2] ?? '')).toBeLessThanOrEqual(LIMITS.itemError);
    expect(errors[2]).toMatch(isUniversal ? /^(\u{1f600}){500}$/u : /^(\\ud83d\\ude00)+(\\ud83d)?$/);
  });

  test('a letter has its source, and its errors in ASCII where the encoding lacks characters of them', async () => {
    const store = storeOf('plain');
    const source = {
      ...{ queue: SMILE, partition: 0, id: 'x', attempts: 1, error: SMILE },
      ...{ producedAt: 1_000_000n as never, death: { at: 2_000_000n as never, reason: 'expired' as const } },
    };
    const details = { firstId: 'x', metadata: new Map([['a', 'b']]), error: undefined, source };
    const timeouts = { expireTimeout: HOUR, autoCommitTimeout: HOUR };
    await store.prepareLetters([{ ...item('a'), sourceId: 'x', details }], timeouts);
    await store.commitLetters(['x']);
    const [letter] = await store.list({ state: 'queued', pivot: '', limit: 5, details: true });
    const error = isUniversal ? SMILE : 'smile-\\ud83d\\ude00';
    expect(letter?.details).toEqual({ ...details, source: { ...source, error } });
    const own = { ...details, metadata: new Map([['a', SMILE]]) };
    const other = store.prepareLetters([{ ...item('a'), sourceId: 'y', details: own }], timeouts);
    if (isUniversal) await other;
    else await expect(other).rejects.toThrow(`invalid item; metadata ${LACKS} (SQLSTATE 22P05)`);
  });

  test('a process is listed under its name, whatever its characters', async () => {
    const instances = backend.instanceStore();
    const record = { id: 'a', name: SMILE, version: '1', storages: [{ name: SMILE, driver: 'postgres' }] };
    const { instances: listed } = await instances.beat({ ...record, capabilities: [] });
    expect(listed).toMatchObject([record]);
  });

  test('ids that no item can have are unknown, and other ids of the batch are served', async () => {
    const store = storeOf('plain');
    await store.produce([{ items: [item('a'), item('b'), item('c')] }], HOUR);
    const [a = '', b = '', c = ''] = (await store.lease({ limit: 3, leaseTimeout: HOUR })).map(
      ({ id }) => id,
    );
    const complete = await store.complete([{ ids: [SMILE] }, { ids: [a] }]);
    expect(complete.map(verdict)).toEqual([expect.stringContaining(SMILE), 'ok']);
    const retry = await store.retry(
      [{ items: [{ id: SMILE, dead: false }] }, { items: [{ id: b, dead: false }] }],
      { maxAttempts: 0, dead: 'delete' },
    );
    expect(retry.map(verdict)).toEqual([expect.stringContaining(SMILE), 'ok']);
    expect(await store.release([SMILE, c])).toBe(1);
    expect(await store.markMoved([SMILE])).toEqual({ marked: [], markedBefore: [] });
    await store.remove([SMILE]);
    expect(await store.delete([SMILE, c])).toBe(1);
  });

  test('the comment of a table names its queue, whatever the characters of the name', async () => {
    await storeOf(SMILE).produce([{ items: [item('a')] }], HOUR);
    const client = inIt();
    await client.connect();
    const { rows } = await client.query(
      `SELECT obj_description(oid, 'pg_class') AS comment FROM pg_class WHERE relname LIKE 'items%' AND relkind = 'r'`,
    );
    await client.end();
    expect(JSON.parse(rows[0].comment.replace('querator ', ''))).toMatchObject({ queue: SMILE });
    const other = testBackend(connectionString);
    const owner = { createdAt: 5n as never, isThere: async () => true, wasDeleted: async () => false };
    expect((await other.partitionStore({ queue: SMILE, partition: 0 }, owner).stats()).waiting).toBe(1);
    await other.close();
  });
});

test('a text that is too long for an index is refused with the name of its field', {
  timeout: 60_000,
}, async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  // Random, since PostgreSQL compresses texts.
  const long = Array.from({ length: 20_000 }, (_, n) =>
    String.fromCharCode(0x4e00 + ((n * n * 7919) % 20_000)),
  ).join('');
  const store = backend.partitionStore({ queue: 'long', partition: 0 });
  await expect(store.import([{ ...item('a'), ...PLAIN, sourceId: long }], HOUR)).rejects.toMatchObject({
    name: 'QueueError',
    message: 'invalid item; source_id is too long for the storage (SQLSTATE 54000)',
  });
  await expect(backend.queueStore().create({ ...QUEUE, name: long })).rejects.toMatchObject({
    name: 'QueueError',
    message: 'queue name is invalid; it is too long for the storage',
  });
  await backend.close();
  await database.drop();
});
