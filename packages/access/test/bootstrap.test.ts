import { SeededRandom } from '@querator/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recoverAdmin } from '../src/index.ts';
import { callerOf, SharedAccess, userWithKey } from './support/access-fixture.ts';

let shared: SharedAccess;
beforeEach(() => {
  shared = new SharedAccess();
});
afterEach(() => shared.stop());

const ANONYMOUS_ADMIN = { namespace: '_system', roleName: 'Admin', userId: 'anonymous' };
const openDoorWarnings = () => shared.logged.filter(({ text }) => text.includes('OPEN DOOR')).length;
const FIRST_KEY = `qtr-first-${'k'.repeat(43)}`;

test('the first start opens the door for everybody, and warns', async () => {
  const access = await shared.server();
  expect((await callerOf(access)).may('user.delete', '_system')).toBe(true);
  expect(openDoorWarnings()).toBe(1);
});

test('a closed door stays closed after a restart', async () => {
  const access = await shared.server();
  const admin = await userWithKey(access, 'root', { bindings: [['_system', 'Admin']] });
  await access.service.roleBindings.delete(ANONYMOUS_ADMIN, await callerOf(access, admin.key));
  expect((await callerOf(access)).may('queue.list', '_system')).toBe(false);
  const again = await shared.server();
  expect((await callerOf(again)).may('queue.list', '_system')).toBe(false);
  expect((await callerOf(again, admin.key)).may('user.delete', '_system')).toBe(true);
  expect(openDoorWarnings()).toBe(1);
});

test('a restart brings back neither a deleted anonymous user nor its rights', async () => {
  const access = await shared.server();
  const admin = await userWithKey(access, 'root', { bindings: [['_system', 'Admin']] });
  await access.service.users.delete('anonymous', await callerOf(access, admin.key));
  const again = await shared.server();
  expect(await shared.store.user('anonymous')).toBeUndefined();
  expect((await callerOf(again)).may('queue.list', '_system')).toBe(false);
});

test('a second start changes nothing', async () => {
  await shared.server();
  const before = await shared.store.generation();
  const roles = await shared.store.roles({ namespace: '_system', pivot: '', limit: 10 });
  await shared.server();
  expect(await shared.store.generation()).toBe(before);
  expect(await shared.store.roles({ namespace: '_system', pivot: '', limit: 10 })).toEqual(roles);
  expect(roles.map(({ name, permissions }) => [name, permissions.length]).sort()).toEqual([
    ['Admin', 29],
    ['NamespaceOwner', 19],
    ['PublicViewer', 2],
  ]);
});

test('a start restores the permissions of a standard role, under the same id', async () => {
  await shared.server();
  const role = await shared.store.role('_system', 'Admin');
  if (role === undefined) throw new Error('no Admin');
  await shared.store.change((transaction) => transaction.updateRole({ id: role.id, permissions: [] }));
  await shared.server();
  expect(await shared.store.role('_system', 'Admin')).toEqual(role);
});

test('without access control a start makes nobody an administrator, and a later one opens the door', async () => {
  await shared.server({ enforced: false });
  expect(await shared.store.user('anonymous')).toBeUndefined();
  const on = await shared.server();
  expect((await callerOf(on)).may('user.delete', '_system')).toBe(true);
});

test('the door stays closed if an administrator was prepared before access control was on', async () => {
  const off = await shared.server({ enforced: false });
  const admin = await userWithKey(off, 'root', { bindings: [['_system', 'Admin']] });
  const on = await shared.server();
  expect((await callerOf(on)).may('queue.list', '_system')).toBe(false);
  expect((await callerOf(on, admin.key)).may('user.delete', '_system')).toBe(true);
});

test('a configured key is the first administrator’s, and the door is never open', async () => {
  const access = await shared.server({ adminKey: FIRST_KEY });
  expect((await callerOf(access)).may('queue.list', '_system')).toBe(false);
  const caller = await callerOf(access, FIRST_KEY);
  expect(caller.principal.username).toBe('admin');
  expect(caller.may('user.delete', '_system')).toBe(true);
  expect(openDoorWarnings()).toBe(0);
});

test('a configured key is ignored once there is an administrator', async () => {
  const access = await shared.server();
  await userWithKey(access, 'root', { bindings: [['_system', 'Admin']] });
  const again = await shared.server({ adminKey: FIRST_KEY });
  await expect(callerOf(again, FIRST_KEY)).rejects.toMatchObject({ message: 'api key does not exist' });
});

test('a start while the store is down refuses requests with retry, and goes on when it is back', async () => {
  shared.down = true;
  const access = await shared.server();
  await expect(callerOf(access)).rejects.toMatchObject({ code: 'retry' });
  shared.down = false;
  await shared.clock.advance('1s');
  expect((await callerOf(access)).may('user.delete', '_system')).toBe(true);
});

test('servers that start at the same time prepare the store once', async () => {
  await Promise.all(Array.from({ length: 5 }, () => shared.server()));
  const bindings = await shared.store.bindings({ namespace: '_system', userId: '', pivot: '', limit: 10 });
  expect(bindings).toHaveLength(1);
});

test('a recovered administrator can log in though nobody else can, and nothing else changes', async () => {
  const access = await shared.server({ adminKey: FIRST_KEY });
  const admin = await callerOf(access, FIRST_KEY);
  await shared.store.change((transaction) => transaction.removeUser(admin.principal.userId));
  const random = new SeededRandom(9);
  const { key, username } = await recoverAdmin({ store: shared.store, clock: shared.clock, random });
  await shared.clock.advance('1s');
  const caller = await callerOf(access, key);
  expect(caller.principal.username).toBe(username);
  expect(caller.may('user.delete', '_system')).toBe(true);
  expect((await callerOf(access)).may('queue.list', '_system')).toBe(false);
});
