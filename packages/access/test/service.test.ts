import { addDuration, type Caller, parseDuration, type QueueError } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AccessControl, type AccessService, TRUSTED_CALLER } from '../src/index.ts';
import { callerOf, namespaceWithRole, SharedAccess, userWithKey } from './support/access-fixture.ts';

let shared: SharedAccess;
let access: AccessControl;
let service: AccessService;

beforeEach(async () => {
  shared = new SharedAccess();
  access = await shared.server();
  service = access.service;
  await namespaceWithRole(access, 'tenant', ['queue.list']);
});
afterEach(() => shared.stop());

/** Somebody without any permission. */
const STRANGER: Caller = { principal: TRUSTED_CALLER.principal, may: () => false };

const NAMESPACE = { name: 'other', description: '', apiKeyTag: '' };
const USER = { username: 'ann', email: '', externalId: '' };
const KEY = { userId: 'anonymous', name: '', namespaceScope: '', expiresAt: undefined, keyTag: '' };
const ROLE = { namespace: 'tenant', name: 'reader', permissions: ['queue.list'] };
const BINDING = { namespace: 'tenant', roleName: 'worker', userId: 'anonymous' };
const long = (length: number) => 'x'.repeat(length);

type Run = (service: AccessService, caller: Caller) => Promise<unknown>;

const createNamespace =
  (call: Partial<typeof NAMESPACE>): Run =>
  (on, caller) =>
    on.namespaces.create({ ...NAMESPACE, ...call }, caller);
const createUser =
  (call: Partial<typeof USER>): Run =>
  (on, caller) =>
    on.users.create({ ...USER, ...call }, caller);
const createKey =
  (call: Partial<typeof KEY>): Run =>
  (on, caller) =>
    on.apiKeys.create({ ...KEY, ...call }, caller);
const createRole =
  (call: Partial<typeof ROLE>): Run =>
  (on, caller) =>
    on.roles.create({ ...ROLE, ...call }, caller);
const updateRole =
  (call: Partial<typeof ROLE>): Run =>
  (on, caller) =>
    on.roles.update({ ...ROLE, ...call }, caller);
const bind =
  (call: Partial<typeof BINDING>): Run =>
  (on, caller) =>
    on.roleBindings.create({ ...BINDING, ...call }, caller);
const unbind =
  (call: Partial<typeof BINDING>): Run =>
  (on, caller) =>
    on.roleBindings.delete({ ...BINDING, ...call }, caller);

/** Requests that are wrong in themselves: refused before the permission is looked at. */
const MALFORMED: readonly (readonly [Run, string])[] = [
  [
    createNamespace({ name: long(257) }),
    "namespace name is invalid; cannot be greater than '256' characters",
  ],
  [createNamespace({ name: ' ' }), 'namespace name is invalid; cannot be empty'],
  [createNamespace({ name: 'a b' }), "namespace name is invalid; 'a b' cannot contain whitespace"],
  [createNamespace({ name: 'a~b' }), "namespace name is invalid; 'a~b' cannot contain '~' character"],
  [createNamespace({ name: 'a:b' }), "namespace name is invalid; 'a:b' cannot contain ':' character"],
  [createNamespace({ apiKeyTag: long(17) }), 'api_key_tag is invalid; cannot be greater than 16 characters'],
  [createNamespace({ apiKeyTag: 'A' }), 'api_key_tag is invalid; must be lowercase alphanumeric only'],
  [(on, caller) => on.namespaces.delete('', caller), 'namespace name is invalid; cannot be empty'],
  [createUser({ username: long(129) }), "username is invalid; cannot be greater than '128' characters"],
  [createUser({ username: '' }), 'username is invalid; cannot be empty'],
  [createUser({ email: long(257) }), "email is invalid; cannot be greater than '256' characters"],
  [createUser({ externalId: long(257) }), "external_id is invalid; cannot be greater than '256' characters"],
  [createUser({ email: 'a\0b' }), 'email is invalid; cannot contain the character U+0000'],
  [createKey({ userId: '' }), 'user_id is invalid; cannot be empty'],
  [createKey({ name: 'ä'.repeat(65) }), "name is invalid; cannot be greater than '128' characters"],
  [createKey({ keyTag: long(17) }), 'key_tag is invalid; cannot be greater than 16 characters'],
  [createKey({ keyTag: 'a-b' }), 'key_tag is invalid; must be lowercase alphanumeric only'],
  [createRole({ namespace: '' }), 'namespace is invalid; cannot be empty'],
  [createRole({ name: '' }), 'name is invalid; cannot be empty'],
  [createRole({ name: long(129) }), "name is invalid; cannot be greater than '128' characters"],
  [createRole({ name: 'a:b' }), "name is invalid; 'a:b' cannot contain ':' character"],
  [
    createRole({ permissions: ['queue.*'] }),
    "permission is invalid; 'queue.*' is not a recognized permission",
  ],
  [updateRole({ permissions: ['x'] }), "permission is invalid; 'x' is not a recognized permission"],
  [updateRole({ namespace: '' }), 'namespace is invalid; cannot be empty'],
  [bind({ namespace: '' }), 'namespace is invalid; cannot be empty'],
  [bind({ roleName: '' }), 'role_name is invalid; cannot be empty'],
  [bind({ userId: '' }), 'user_id is invalid; cannot be empty'],
  [bind({ userId: 'a:b' }), "user_id is invalid; 'a:b' cannot contain ':' character"],
  [unbind({ userId: 'a:b' }), "user_id is invalid; 'a:b' cannot contain ':' character"],
  [(on, caller) => on.apiKeys.rotate('', parseDuration('1m'), caller), 'id is invalid; cannot be empty'],
  [
    (on, caller) => on.apiKeys.rotate('x', parseDuration('-1s'), caller),
    'grace is invalid; cannot be negative',
  ],
  [
    (on, caller) => on.apiKeys.rotate('x', parseDuration('721h'), caller),
    "grace is invalid; cannot be greater than '720h0m0s'",
  ],
];

test.each(MALFORMED)(
  'a malformed request is refused before its permission counts (case %#)',
  async (run, message) => {
    const before = await shared.store.generation();
    await expect(run(service, STRANGER)).rejects.toMatchObject({ code: 'invalid', message });
    expect(await shared.store.generation()).toBe(before);
  },
);

/** Requests that contradict what is stored, or name what does not exist. */
const REFUSED: readonly (readonly [Run, QueueError['code'], string | RegExp])[] = [
  [createNamespace({ name: 'tenant' }), 'invalid', "namespace already exists; 'tenant' already exists"],
  [
    createNamespace({ name: '_own' }),
    'invalid',
    "namespace name is reserved; '_own' names starting with '_' are reserved",
  ],
  [
    (on, caller) => on.namespaces.update({ ...NAMESPACE, name: '_system' }, caller),
    'invalid',
    "namespace name is reserved; '_system' names starting with '_' are reserved",
  ],
  [
    (on, caller) => on.namespaces.update(NAMESPACE, caller),
    'failed',
    "namespace does not exist; 'other' was not found",
  ],
  [
    (on, caller) => on.namespaces.delete('other', caller),
    'failed',
    "namespace does not exist; 'other' was not found",
  ],
  [
    (on, caller) => on.namespaces.delete('tenant', caller),
    'invalid',
    "namespace has roles; 'tenant' has roles, delete roles first",
  ],
  [createRole({ name: ' ' }), 'invalid', 'role name is invalid; cannot be empty'],
  [createRole({ name: ' ', namespace: 'gone' }), 'failed', "namespace does not exist; 'gone' was not found"],
  [createUser({ username: '\u00a0' }), 'invalid', 'username is invalid; cannot be empty'],
  [
    createUser({ username: 'anonymous' }),
    'invalid',
    "username is already taken; 'anonymous' is already taken",
  ],
  [(on, caller) => on.users.delete('', caller), 'failed', "user does not exist; '' was not found"],
  [createKey({ userId: 'nobody' }), 'failed', "user does not exist; 'nobody' was not found"],
  [(on, caller) => on.apiKeys.delete('no', caller), 'failed', "api key does not exist; 'no' was not found"],
  [
    (on, caller) => on.apiKeys.rotate('no', parseDuration('0s'), caller),
    'failed',
    "api key does not exist; 'no' was not found",
  ],
  [
    createRole({ name: 'Admin' }),
    'invalid',
    "cannot modify or delete standard role; 'Admin' is a standard role",
  ],
  [createRole({ namespace: 'gone' }), 'failed', "namespace does not exist; 'gone' was not found"],
  [createRole({ name: 'worker' }), 'invalid', "role already exists; 'tenant:worker' already exists"],
  [updateRole({}), 'failed', "role does not exist; 'tenant:reader' was not found"],
  [
    updateRole({ namespace: '_system', name: 'PublicViewer' }),
    'invalid',
    "cannot modify or delete standard role; 'PublicViewer' is a standard role",
  ],
  [
    (on, caller) => on.roles.delete({ namespace: '', name: 'worker' }, caller),
    'failed',
    "role does not exist; '_system:worker' was not found",
  ],
  [
    (on, caller) => on.roles.delete({ namespace: '', name: 'NamespaceOwner' }, caller),
    'invalid',
    "cannot modify or delete standard role; 'NamespaceOwner' is a standard role",
  ],
  [bind({ roleName: 'reader' }), 'failed', "role does not exist; 'tenant:reader' was not found"],
  [bind({ userId: 'nobody' }), 'failed', "user does not exist; 'nobody' was not found"],
  [
    bind({ namespace: 'gone', roleName: 'NamespaceOwner' }),
    'failed',
    "namespace does not exist; 'gone' was not found",
  ],
  [unbind({}), 'failed', /^role binding does not exist; 'tenant:anonymous:[0-9A-Za-z]{27}' was not found$/],
  [
    bind({ namespace: '_system', roleName: 'Admin' }),
    'invalid',
    /^role binding already exists; binding for user 'anonymous' to role '.*' in namespace '_system' already exists$/,
  ],
];

describe('a request that storage contradicts', () => {
  test.each(REFUSED)(
    'is refused with its documented text, and changes nothing (case %#)',
    async (run, code, message) => {
      const before = await shared.store.generation();
      await expect(run(service, TRUSTED_CALLER)).rejects.toMatchObject({
        code,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      });
      expect(await shared.store.generation()).toBe(before);
    },
  );

  test.each(REFUSED)('tells a caller without the permission nothing (case %#)', async (run) => {
    await expect(run(service, STRANGER)).rejects.toMatchObject({
      code: 'forbidden',
      message: 'access denied',
    });
  });
});

describe('namespaces', () => {
  test('are created, listed and updated; a list includes _system', async () => {
    await service.namespaces.create({ name: 'a', description: 'first', apiKeyTag: 'tag' }, TRUSTED_CALLER);
    const [, a] = (await service.namespaces.list({ limit: 0, pivot: '' }, TRUSTED_CALLER)).items;
    await service.namespaces.update({ name: 'a', description: '', apiKeyTag: '' }, TRUSTED_CALLER);
    const { items } = await service.namespaces.list({ limit: 2, pivot: 'a' }, TRUSTED_CALLER);
    expect(items[0]).toEqual({ ...a, description: '', apiKeyTag: '' });
    expect(items.map(({ name }) => name)).toEqual(['a', 'tenant']);
  });

  test('with queues are not deleted', async () => {
    await service.roles.delete({ namespace: 'tenant', name: 'worker' }, TRUSTED_CALLER);
    const queue = await shared.createQueue('tenant');
    await expect(service.namespaces.delete('tenant', TRUSTED_CALLER)).rejects.toMatchObject({
      reason: 'not_empty',
      message: "namespace has queues; 'tenant' has queues, delete queues first",
    });
    await shared.queues.delete(queue);
    await service.namespaces.delete('tenant', TRUSTED_CALLER);
    expect(await shared.store.namespace('tenant')).toBeUndefined();
  });

  test('with bindings are not deleted, whatever else they have', async () => {
    await service.roleBindings.create(BINDING, TRUSTED_CALLER);
    await expect(service.namespaces.delete('tenant', TRUSTED_CALLER)).rejects.toMatchObject({
      message: "namespace has role bindings; 'tenant' has role bindings, delete role bindings first",
    });
  });

  test('take the keys of their scope along', async () => {
    const { id } = await userWithKey(access, 'ann', { scope: 'tenant' });
    await service.roles.delete({ namespace: 'tenant', name: 'worker' }, TRUSTED_CALLER);
    await service.namespaces.delete('tenant', TRUSTED_CALLER);
    expect(await shared.store.apiKey(id)).toBeUndefined();
  });
});

describe('API keys', () => {
  test('get the tag of the request, else of the namespace of their scope, else live', async () => {
    await service.namespaces.create({ name: 'tagged', description: '', apiKeyTag: 'acme' }, TRUSTED_CALLER);
    const tagOf = async (call: Partial<typeof KEY>) => {
      const { key, prefix } = await service.apiKeys.create({ ...KEY, ...call }, TRUSTED_CALLER);
      expect(key).toMatch(/^qtr-[0-9a-z]+-[0-9A-Za-z]{43}$/);
      expect(key.startsWith(prefix)).toBe(true);
      return prefix.slice(0, -8);
    };
    expect(await tagOf({ keyTag: 'own', namespaceScope: 'tagged' })).toBe('qtr-own-');
    expect(await tagOf({ namespaceScope: 'tagged' })).toBe('qtr-acme-');
    expect(await tagOf({ namespaceScope: 'missing' })).toBe('qtr-live-');
    expect(await tagOf({})).toBe('qtr-live-');
  });

  test('are not stored as text, and a list shows neither text nor secret', async () => {
    const { key, id } = await service.apiKeys.create(KEY, TRUSTED_CALLER);
    const page = await service.apiKeys.list({ userId: 'anonymous', limit: 0, pivot: '' }, TRUSTED_CALLER);
    expect(page.items.map((each) => each.id)).toContain(id);
    const secret = key.slice(key.lastIndexOf('-') + 1);
    for (const stored of page.items) {
      expect(Object.values(stored).map(String).join(' ')).not.toContain(secret);
    }
  });
});

describe('lists', () => {
  test('have pages that repeat the pivot, and say whether more follows', async () => {
    for (const username of ['a', 'b', 'c']) await service.users.create({ ...USER, username }, TRUSTED_CALLER);
    const all = (await service.users.list({ limit: 0, pivot: ' ' }, TRUSTED_CALLER)).items;
    expect(all).toHaveLength(4);
    const first = await service.users.list({ limit: 2, pivot: '' }, TRUSTED_CALLER);
    expect(first).toEqual({ items: all.slice(0, 2), more: true });
    const rest = await service.users.list({ limit: 4, pivot: all[1]?.id ?? '' }, TRUSTED_CALLER);
    expect(rest).toEqual({ items: all.slice(1), more: false });
  });

  test('end a page once its elements hold 16 MB, with at least two', async () => {
    const description = 'x'.repeat(3_000_000);
    for (const name of ['x', 'y', 'z']) {
      await service.namespaces.create({ name, description, apiKeyTag: '' }, TRUSTED_CALLER);
    }
    const list = (pivot: string) => service.namespaces.list({ limit: 0, pivot }, TRUSTED_CALLER);
    const names = async (pivot: string) => {
      const { items, more } = await list(pivot);
      return [...items.map(({ name }) => name), more];
    };
    expect(await names('x')).toEqual(['x', 'y', true]);
    expect(await names('y')).toEqual(['y', 'z', false]);
  });

  test('are read in parts, whatever their limit', async () => {
    const permissions = Array.from({ length: 10_000 }, () => 'queue.list');
    for (let n = 0; n < 130; n++) {
      await service.roles.create({ namespace: '_system', name: `r${n}`, permissions }, TRUSTED_CALLER);
    }
    const seen = new Set<string>();
    for (let pivot = ''; ; ) {
      const { items, more } = await service.roles.list(
        { namespace: '_system', limit: 60_000, pivot },
        TRUSTED_CALLER,
      );
      for (const { id } of items) seen.add(id);
      expect(items.length).toBeLessThan(100);
      if (!more) break;
      pivot = items.at(-1)?.id ?? '';
    }
    expect(seen.size).toBeGreaterThanOrEqual(130);
  });

  const LISTS: readonly Run[] = [
    (on, caller) => on.namespaces.list({ limit: -1, pivot: '' }, caller),
    (on, caller) => on.users.list({ limit: -1, pivot: '' }, caller),
    (on, caller) => on.apiKeys.list({ limit: -1, pivot: '', userId: '' }, caller),
    (on, caller) => on.roles.list({ limit: -1, pivot: '', namespace: '' }, caller),
    (on, caller) => on.roleBindings.list({ limit: -1, pivot: '', namespace: '', userId: '' }, caller),
  ];
  test.each(LISTS)('refuse a bad limit, after the permission (case %#)', async (run) => {
    await expect(run(service, STRANGER)).rejects.toMatchObject({ code: 'forbidden' });
    const message = 'limit is invalid; limit cannot be negative';
    await expect(run(service, TRUSTED_CALLER)).rejects.toMatchObject({ code: 'invalid', message });
  });

  test('of bindings can be of one user', async () => {
    const { userId } = await userWithKey(access, 'ann', { bindings: [['tenant', 'worker']] });
    await service.roleBindings.create(BINDING, TRUSTED_CALLER);
    const list = async (user: string) => {
      const call = { namespace: 'tenant', userId: user, limit: 0, pivot: '' };
      return (await service.roleBindings.list(call, TRUSTED_CALLER)).items.map((each) => each.userId);
    };
    expect(await list(userId)).toEqual([userId]);
    expect(await list('')).toHaveLength(2);
  });
});

describe('the last administrator', () => {
  const message = expect.stringMatching(/^last administrator; nobody else has the role 'Admin' in '_system'/);
  const closeDoor = () =>
    service.roleBindings.delete(
      { namespace: '_system', roleName: 'Admin', userId: 'anonymous' },
      TRUSTED_CALLER,
    );
  const admin = () => userWithKey(access, 'root', { bindings: [['_system', 'Admin']] });

  test('is the open door while no other administrator has a key', async () => {
    await expect(closeDoor()).rejects.toMatchObject({ code: 'invalid', message });
    await userWithKey(access, 'scoped', { bindings: [['_system', 'Admin']], scope: 'tenant' });
    await expect(closeDoor()).rejects.toMatchObject({ message });
    await admin();
    await closeDoor();
  });

  test('keeps user, key and binding', async () => {
    const { userId, id } = await admin();
    await closeDoor();
    const attempts: readonly Run[] = [
      (on) => on.users.delete(userId, TRUSTED_CALLER),
      (on) => on.apiKeys.delete(id, TRUSTED_CALLER),
      (on) => on.roleBindings.delete({ namespace: '_system', roleName: 'Admin', userId }, TRUSTED_CALLER),
    ];
    for (const attempt of attempts) {
      await expect(attempt(service, TRUSTED_CALLER)).rejects.toMatchObject({ code: 'invalid', message });
    }
    expect(await shared.store.apiKey(id)).toBeDefined();
  });

  test('keeps a role in _system also if the key has expired, so that no start opens the door', async () => {
    const { userId, id } = await admin();
    const expiresAt = addDuration(shared.clock.now(), parseDuration('1s'));
    await service.apiKeys.create({ ...KEY, userId, expiresAt }, TRUSTED_CALLER);
    await closeDoor();
    // The other key never expires, so only a store can take it away.
    await shared.store.change((transaction) => transaction.removeApiKey(id));
    await shared.clock.advance('2s');
    const refused = { code: 'invalid', message: "last administrator; nobody else has a role in '_system'" };
    await expect(service.users.delete(userId, TRUSTED_CALLER)).rejects.toMatchObject(refused);
    const binding = { namespace: '_system', roleName: 'Admin', userId };
    await expect(service.roleBindings.delete(binding, TRUSTED_CALLER)).rejects.toMatchObject(refused);
    await shared.server();
    expect((await callerOf(access)).may('queue.list', '_system')).toBe(false);
  });

  test('may lose a key that is not the last', async () => {
    const { id, userId } = await admin();
    await closeDoor();
    await service.apiKeys.create({ ...KEY, userId }, TRUSTED_CALLER);
    await service.apiKeys.delete(id, TRUSTED_CALLER);
    expect(await shared.store.apiKey(id)).toBeUndefined();
  });
});
