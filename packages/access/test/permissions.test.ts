import { PERMISSIONS, type Permission } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AccessControl, QueueAuthorizer, TRUSTED_CALLER } from '../src/index.ts';
import { callerOf, namespaceWithRole, SharedAccess, userWithKey } from './support/access-fixture.ts';

let shared: SharedAccess;
let access: AccessControl;

beforeEach(async () => {
  shared = new SharedAccess();
  access = await shared.server();
  await namespaceWithRole(access, 'tenant', ['queue.produce', 'queue.stats']);
  await namespaceWithRole(access, 'other', ['queue.produce']);
});
afterEach(() => shared.stop());

/** The permissions that a caller holds in a namespace. */
async function held(key: string, namespace: string): Promise<readonly Permission[]> {
  const caller = await callerOf(access, key);
  return PERMISSIONS.filter((permission) => caller.may(permission, namespace));
}

test('a role counts in the namespace of its binding only', async () => {
  const { key } = await userWithKey(access, 'ann', { bindings: [['tenant', 'worker']] });
  expect(await held(key, 'tenant')).toEqual(['queue.produce', 'queue.stats']);
  expect(await held(key, 'other')).toEqual([]);
  expect(await held(key, '_system')).toEqual([]);
});

test('permissions of _system reach into every namespace', async () => {
  const { key } = await userWithKey(access, 'ann', { bindings: [['_system', 'PublicViewer']] });
  expect(await held(key, 'tenant')).toEqual(['system.health', 'system.metrics']);
});

test('a standard role can be bound in one namespace', async () => {
  const { key } = await userWithKey(access, 'ann', { bindings: [['tenant', 'NamespaceOwner']] });
  expect(await held(key, 'tenant')).toHaveLength(19);
  expect(await held(key, '_system')).toEqual([]);
});

test('the permissions of all bindings count, however many there are', async () => {
  const bindings: (readonly [string, string])[] = [];
  for (let n = 0; n < 150; n++) {
    const role = { namespace: 'tenant', name: `empty ${n}`, permissions: [] };
    await access.service.roles.create(role, TRUSTED_CALLER);
    bindings.push(['tenant', role.name]);
  }
  const { key } = await userWithKey(access, 'ann', { bindings: [...bindings, ['tenant', 'worker']] });
  expect(await held(key, 'tenant')).toEqual(['queue.produce', 'queue.stats']);
});

describe('a scoped key', () => {
  test('never leaves its namespace', async () => {
    const bindings = [
      ['tenant', 'worker'],
      ['other', 'worker'],
    ] as const;
    const { key } = await userWithKey(access, 'ann', { bindings, scope: 'tenant' });
    expect(await held(key, 'tenant')).toEqual(['queue.produce', 'queue.stats']);
    expect(await held(key, 'other')).toEqual([]);
  });

  test('of an administrator does everything inside, and only reads lists of _system', async () => {
    const { key } = await userWithKey(access, 'ann', { bindings: [['_system', 'Admin']], scope: 'tenant' });
    expect(await held(key, 'tenant')).toEqual(PERMISSIONS);
    expect(await held(key, 'other')).toEqual([]);
    expect(await held(key, '_system')).toEqual([
      'namespace.list',
      'queue.list',
      'user.list',
      'apikey.list',
      'role.list',
      'rolebinding.list',
    ]);
  });

  test('cannot issue a key without a scope', async () => {
    const { key, userId } = await userWithKey(access, 'ann', {
      bindings: [['_system', 'Admin']],
      scope: 'tenant',
    });
    const call = { userId, name: '', namespaceScope: '', expiresAt: undefined, keyTag: '' };
    await expect(access.service.apiKeys.create(call, await callerOf(access, key))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('calls on a queue', () => {
  const NAMESPACES = new Map([
    ['ours', 'tenant'],
    ['theirs', 'other'],
  ]);
  const DENIED = { code: 'forbidden', message: 'access denied' };

  test.each([
    ['known in memory', (name: string) => NAMESPACES.get(name)],
    ['read from storage', async (name: string) => NAMESPACES.get(name)],
  ])('treat a queue of another namespace as a missing one (%s)', async (_, namespaceOf) => {
    const authorizer = new QueueAuthorizer(namespaceOf);
    const { key } = await userWithKey(access, 'ann', { bindings: [['tenant', 'worker']] });
    const caller = await callerOf(access, key);
    const judge = async (permission: Permission, queue: string) =>
      authorizer.authorize(caller, permission, queue);
    await judge('queue.produce', 'ours');
    await expect(judge('queue.lease', 'ours')).rejects.toMatchObject(DENIED);
    await expect(judge('queue.produce', 'theirs')).rejects.toMatchObject(DENIED);
    await expect(judge('queue.produce', 'missing')).rejects.toMatchObject(DENIED);
  });

  test('by a caller with the permission in _system ask for no queue', async () => {
    const authorizer = new QueueAuthorizer(() => {
      throw new Error('was asked');
    });
    const { key } = await userWithKey(access, 'ann', { bindings: [['_system', 'Admin']] });
    await authorizer.authorize(await callerOf(access, key), 'queue.delete', 'any');
    await authorizer.authorize(TRUSTED_CALLER, 'queue.delete', 'any');
  });

  test('by an administrator’s scoped key are judged by the queue’s namespace', async () => {
    const authorizer = new QueueAuthorizer((name) => NAMESPACES.get(name));
    const { key } = await userWithKey(access, 'ann', { bindings: [['_system', 'Admin']], scope: 'tenant' });
    const caller = await callerOf(access, key);
    await authorizer.authorize(caller, 'queue.delete', 'ours');
    expect(() => authorizer.authorize(caller, 'queue.produce', 'theirs')).toThrow('access denied');
  });
});
