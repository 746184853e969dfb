import { type Grants, type Instant, LAST_INSTANT } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newApiKey, newBinding, newRole, newUser } from '../fixture/access-content.ts';
import { numbered } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** The permissions as plain data, sorted. */
function permissionsOf(grants: Grants | undefined): Record<string, readonly string[]> {
  const entries = [...(grants?.permissions ?? [])];
  return Object.fromEntries(entries.map(([namespace, names]) => [namespace, [...names].sort()]));
}

/** What `AccessStore.grants` and `AccessStore.noteUses` promise. */
export function describeAccessGrants(test: StorageTest): void {
  describe('access store: grants', () => {
    // "Finds a user by one of three unique texts"; "The key, if it was found by `keyHash`"
    test.ofAccess('finds a user by key, id and name', async (fixture, store) => {
      const user = newUser(fixture.name());
      const apiKey = newApiKey(fixture.name(), {
        userId: user.id,
        previous: { hash: fixture.name(), validUntil: LAST_INSTANT },
      });
      const other = newApiKey(fixture.name(), { userId: user.id });
      await store.change(adding({ users: [user], apiKeys: [apiKey, other] }));
      const generation = await store.generation();
      const found = { generation, user, permissions: new Map() };
      expect(await store.grants({ userId: user.id })).toEqual({ ...found, apiKey: undefined });
      expect(await store.grants({ username: user.username })).toEqual({ ...found, apiKey: undefined });
      expect(await store.grants({ keyHash: apiKey.hash })).toEqual({ ...found, apiKey });
      // "The hash is its present or its previous one"
      expect(await store.grants({ keyHash: apiKey.previous?.hash ?? '' })).toEqual({ ...found, apiKey });
      expect(await store.grants({ keyHash: other.hash })).toEqual({ ...found, apiKey: other });
    });

    // "Undefined: there is no such user or key"
    test.ofAccess('finds nothing without the user or the key', async (fixture, store) => {
      const user = newUser(fixture.name());
      const orphan = newApiKey(fixture.name());
      await store.change(adding({ users: [user], apiKeys: [orphan] }));
      expect(await store.grants({ userId: user.username })).toBeUndefined();
      expect(await store.grants({ username: user.id })).toBeUndefined();
      expect(await store.grants({ keyHash: orphan.id })).toBeUndefined();
      expect(await store.grants({ keyHash: '' })).toBeUndefined();
      // the owner is missing
      expect(await store.grants({ keyHash: orphan.hash })).toBeUndefined();
    });

    // "by namespace, from all bindings of the user"
    test.ofAccess('joins the permissions of all bindings, by namespace', async (fixture, store) => {
      const [user, other] = [newUser(fixture.name()), newUser(fixture.name())];
      const [one, two] = [fixture.name(), fixture.name()];
      const reader = newRole(fixture.name(), { namespace: one, permissions: ['queue.list', 'queue.lease'] });
      const writer = newRole(fixture.name(), {
        namespace: one,
        permissions: ['queue.list', 'queue.produce'],
      });
      const foreign = newRole(fixture.name(), { namespace: one, permissions: ['queue.delete'] });
      // a role of `_system` can be bound in any namespace
      const system = newRole(fixture.name(), {
        namespace: '_system',
        name: fixture.name(),
        permissions: ['system.health', 'unknown.permission'],
      });
      const bind = (userId: string, namespace: string, roleId: string) =>
        newBinding(fixture.name(), { userId, namespace, roleId });
      await store.change(
        adding({
          users: [user, other],
          roles: [reader, writer, foreign, system],
          bindings: [
            bind(user.id, one, reader.id),
            bind(user.id, one, writer.id),
            bind(user.id, two, system.id),
            bind(user.id, '_system', system.id),
            bind(other.id, one, foreign.id),
            bind(other.id, two, foreign.id),
          ],
        }),
      );
      expect(permissionsOf(await store.grants({ userId: user.id }))).toEqual({
        [one]: ['queue.lease', 'queue.list', 'queue.produce'],
        [two]: ['system.health', 'unknown.permission'],
        _system: ['system.health', 'unknown.permission'],
      });
    });

    // "A binding to a missing role gives none. Namespaces without permissions are absent"
    test.ofAccess('gives nothing for a missing or an empty role', async (fixture, store) => {
      const user = newUser(fixture.name());
      const userId = user.id;
      const [kept, removed] = [newRole(fixture.name()), newRole(fixture.name())];
      const empty = newRole(fixture.name(), { permissions: [] });
      const namespace = fixture.name();
      const bindings = [
        newBinding(fixture.name(), { userId }),
        newBinding(fixture.name(), { userId, roleId: removed.id }),
        newBinding(fixture.name(), { userId, roleId: empty.id }),
        newBinding(fixture.name(), { userId, roleId: kept.id, namespace }),
        newBinding(fixture.name(), { userId, roleId: removed.id, namespace }),
      ];
      await store.change(adding({ users: [user], roles: [kept, removed, empty], bindings }));
      await store.change((transaction) => transaction.removeRole(removed.id));
      expect(permissionsOf(await store.grants({ userId }))).toEqual({
        [namespace]: ['queue.create', 'queue.list'],
      });
    });

    // "from all bindings": there is no limit
    test.ofAccess('counts every one of many bindings', async (fixture, store) => {
      const user = newUser(fixture.name());
      const userId = user.id;
      const [namespace, base] = [fixture.name(), fixture.name()];
      const names = numbered('permission', 250).map((name) => `${name}`);
      const roles = names.map((name) => newRole(fixture.name(), { name, permissions: [name] }));
      const bindings = roles.flatMap(({ id, name }) => [
        newBinding(fixture.name(), { userId, namespace, roleId: id }),
        newBinding(fixture.name(), { userId, namespace: `${base}-${name}`, roleId: id }),
      ]);
      await store.change(adding({ users: [user], roles, bindings }));
      const permissions = permissionsOf(await store.grants({ userId }));
      expect(Object.keys(permissions)).toHaveLength(251);
      expect(permissions[namespace]).toEqual([...names].sort());
      for (const name of names) expect(permissions[`${base}-${name}`]).toEqual([name]);
    });

    // grants follow every change of what they are made of
    test.ofAccess('follows every change', async (fixture, store) => {
      const user = newUser(fixture.name());
      const key = newApiKey(fixture.name(), { userId: user.id });
      const role = newRole(fixture.name());
      const namespace = fixture.name();
      const binding = newBinding(fixture.name(), { userId: user.id, roleId: role.id, namespace });
      await store.change(adding({ users: [user], apiKeys: [key], roles: [role], bindings: [binding] }));
      await store.change((transaction) => transaction.updateRole({ id: role.id, permissions: ['other'] }));
      const changed = await store.grants({ keyHash: key.hash });
      expect(permissionsOf(changed)).toEqual({ [namespace]: ['other'] });
      expect(changed?.generation).toBe(await store.generation());
      await store.change((transaction) => transaction.removeBinding(binding.id));
      expect(permissionsOf(await store.grants({ keyHash: key.hash }))).toEqual({});
      const hash = fixture.name();
      await store.change((transaction) => transaction.updateApiKey({ ...key, hash }));
      expect(await store.grants({ keyHash: key.hash })).toBeUndefined();
      expect(await store.grants({ keyHash: hash })).toMatchObject({ user, apiKey: { id: key.id } });
      await store.change((transaction) => transaction.removeApiKey(key.id));
      expect(await store.grants({ keyHash: hash })).toBeUndefined();
      await store.change((transaction) => transaction.removeUser(user.id));
      expect(await store.grants({ userId: user.id })).toBeUndefined();
    });

    // "read in one snapshot", with the generation that they belong to
    test.ofAccess('never mixes two states', async (fixture, store) => {
      const user = newUser(fixture.name());
      const namespace = fixture.name();
      const role = newRole(fixture.name(), { permissions: ['0'] });
      const binding = newBinding(fixture.name(), { userId: user.id, roleId: role.id, namespace });
      await store.change(adding({ users: [user], roles: [role], bindings: [binding] }));
      const states = new Map([[await store.generation(), '0']]);
      const writing = (async () => {
        for (const permission of numbered('', 20)) {
          await store.change((transaction) =>
            transaction.updateRole({ id: role.id, permissions: [permission] }),
          );
          states.set(await store.generation(), permission);
        }
      })();
      const seen: Grants[] = [];
      for (let read = 0; read < 40; read++) {
        const grants = await store.grants({ userId: user.id });
        if (grants !== undefined) seen.push(grants);
      }
      await writing;
      expect(seen).toHaveLength(40);
      for (const grants of seen) {
        expect(permissionsOf(grants)).toEqual({ [namespace]: [states.get(grants.generation)] });
      }
    });
  });

  describe('access store: noteUses', () => {
    const at = (microseconds: bigint) => microseconds as Instant;

    // "Sets `lastUsedAt` of keys that exist, unless a later time is stored"
    test.ofAccess('keeps the latest time', async (fixture, store) => {
      const keys = [1, 2, 3].map(() => newApiKey(fixture.name()));
      const [one = newApiKey(''), two = newApiKey(''), unused = newApiKey('')] = keys;
      await store.change(adding({ apiKeys: keys }));
      await store.noteUses([
        { keyId: one.id, at: at(1_000_001n) },
        { keyId: fixture.name(), at: at(7n) },
        { keyId: two.id, at: at(2_000_002n) },
      ]);
      expect(await store.apiKey(one.id)).toEqual({ ...one, lastUsedAt: 1_000_001n });
      expect(await store.apiKey(two.id)).toEqual({ ...two, lastUsedAt: 2_000_002n });
      expect(await store.apiKey(unused.id)).toEqual(unused);
      await store.noteUses([
        { keyId: one.id, at: at(1_000_000n) },
        { keyId: two.id, at: at(2_000_003n) },
      ]);
      expect(await store.apiKey(one.id)).toEqual({ ...one, lastUsedAt: 1_000_001n });
      expect(await store.apiKey(two.id)).toEqual({ ...two, lastUsedAt: 2_000_003n });
    });

    // a batch may name a key more than once
    test.ofAccess('takes the latest of several uses of a key', async (fixture, store) => {
      const key = newApiKey(fixture.name());
      await store.change(adding({ apiKeys: [key] }));
      await store.noteUses([5n, 9n, 7n].map((time) => ({ keyId: key.id, at: at(time) })));
      expect((await store.apiKey(key.id))?.lastUsedAt).toBe(9n);
    });

    test.ofAccess('takes a batch of none and of many', async (fixture, store) => {
      await store.noteUses([]);
      const keys = numbered('', 300).map(() => newApiKey(fixture.name()));
      await store.change(adding({ apiKeys: keys }));
      await Promise.all([
        store.noteUses(keys.map(({ id: keyId }) => ({ keyId, at: at(3n) }))),
        store.noteUses([...keys].reverse().map(({ id: keyId }) => ({ keyId, at: at(4n) }))),
      ]);
      const pivot = keys[0]?.id ?? '';
      for (const key of await store.apiKeys({ pivot, limit: keys.length, userId: '' })) {
        expect(key.lastUsedAt).toBe(4n);
      }
    });

    // an update of the secret keeps the time of the last use
    test.ofAccess('stays when the secret is replaced', async (fixture, store) => {
      const key = newApiKey(fixture.name());
      await store.change(adding({ apiKeys: [key] }));
      const change = store.change(async (transaction) => {
        await transaction.apiKey(key.id);
        await transaction.updateApiKey({ ...key, prefix: 'new' });
      });
      await Promise.all([change, store.noteUses([{ keyId: key.id, at: at(6n) }])]);
      expect(await store.apiKey(key.id)).toEqual({ ...key, prefix: 'new', lastUsedAt: 6n });
    });
  });

  describe('access store: sessionKey', () => {
    // "The first call of all stores its candidate. Every later call gets that one."
    test.ofAccess('is one key, whoever asks', async (fixture, store) => {
      const before = await store.generation();
      const candidates = numbered(fixture.name(), 8);
      const kept = await Promise.all(candidates.map((candidate) => store.sessionKey(candidate)));
      const [first] = kept;
      expect(new Set(kept)).toEqual(new Set([first]));
      expect(await store.sessionKey(fixture.name())).toBe(first);
      expect(await store.generation()).toBe(before);
    });
  });
}
