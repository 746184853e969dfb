import type { Caller } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AccessControl, TRUSTED_CALLER } from '../src/index.ts';
import { callerOf, SharedAccess, userWithKey } from './support/access-fixture.ts';

/** Changes that the tenants of a namespace may make at once. */
const BURST = 60;
const PERMISSIONS = ['role.create', 'role.update', 'role.delete', 'rolebinding.create', 'rolebinding.delete'];

let shared: SharedAccess;
let access: AccessControl;

beforeEach(async () => {
  shared = new SharedAccess();
  access = await shared.server();
});
afterEach(() => shared.stop());

/** A caller who manages the roles of a namespace. */
async function tenantOf(namespace: string): Promise<Caller> {
  const { namespaces, roles } = access.service;
  await namespaces.create({ name: namespace, description: '', apiKeyTag: '' }, TRUSTED_CALLER);
  await roles.create({ namespace, name: 'owner', permissions: PERMISSIONS }, TRUSTED_CALLER);
  const { key } = await userWithKey(access, `owner of ${namespace}`, { bindings: [[namespace, 'owner']] });
  return callerOf(access, key);
}

/** Changes a role of a namespace. @returns the code of the error, or 'ok'. */
function change(namespace: string, caller: Caller, permissions: readonly string[] = PERMISSIONS) {
  const role = { namespace, name: 'owner', permissions: [...permissions] };
  return access.service.roles.update(role, caller).then(
    () => 'ok',
    (error) => error.code,
  );
}

async function changeOften(namespace: string, caller: Caller, times: number) {
  const results: string[] = [];
  for (let n = 0; n < times; n++) results.push(await change(namespace, caller));
  return results;
}

describe('changes of roles and role bindings by a tenant', () => {
  test('are limited for each namespace', async () => {
    const [one, other] = [await tenantOf('one'), await tenantOf('other')];
    expect(await changeOften('one', one, BURST)).toEqual(Array(BURST).fill('ok'));
    const { roles, roleBindings } = access.service;
    const limited = {
      code: 'limited',
      reason: 'over_limit',
      retryAfterMs: 1_000,
      message: "too many changes of roles and role bindings in namespace 'one'; try again later",
    };
    const role = { namespace: 'one', name: 'r', permissions: [] };
    const binding = { namespace: 'one', roleName: 'owner', userId: 'u' };
    await expect(roles.create(role, one)).rejects.toMatchObject(limited);
    await expect(roles.update(role, one)).rejects.toMatchObject(limited);
    await expect(roles.delete(role, one)).rejects.toMatchObject(limited);
    await expect(roleBindings.create(binding, one)).rejects.toMatchObject(limited);
    await expect(roleBindings.delete(binding, one)).rejects.toMatchObject(limited);
    expect(await change('other', other)).toBe('ok');
    await shared.clock.advance('1s');
    expect(await changeOften('one', one, 2)).toEqual(['ok', 'limited']);
  });

  test('do not limit a caller who may make them everywhere, nor are they limited by one', async () => {
    const tenant = await tenantOf('one');
    const { key } = await userWithKey(access, 'root', { bindings: [['_system', 'Admin']] });
    const admin = await callerOf(access, key);
    const many = 2 * BURST;
    expect(await changeOften('one', admin, many)).toEqual(Array(many).fill('ok'));
    expect(await change('one', tenant)).toBe('ok');
    expect(await changeOften('one', TRUSTED_CALLER, many)).toEqual(Array(many).fill('ok'));
  });

  test('are refused as forbidden before they are counted', async () => {
    await tenantOf('one');
    const stranger = await tenantOf('other');
    expect(await changeOften('one', stranger, 2 * BURST)).toEqual(Array(2 * BURST).fill('forbidden'));
  });

  test('make requests of others ask the store no more often than they are allowed', async () => {
    const tenant = await tenantOf('one');
    const keys: string[] = [];
    for (let n = 0; n < 5; n++) keys.push((await userWithKey(access, `user ${n}`)).key);
    shared.calls.length = 0;
    for (let n = 0; n < 5 * BURST; n++) {
      await change('one', tenant);
      for (const key of keys) await callerOf(access, key);
    }
    const lookups = shared.calls.filter((call) => call === 'grants').length;
    expect(lookups).toBeLessThanOrEqual(keys.length * (BURST + 1));
  });
});
