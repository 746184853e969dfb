import { type AccessStore, type AccessTransaction, type Instant, LAST_INSTANT } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newApiKey, newBinding, newNamespace, newRole, newUser } from '../fixture/access-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Texts that a careless storage changes, or tells apart from nothing else. */
const TEXTS = [
  '',
  ' ',
  ' padded ',
  'Ab',
  'aB',
  '\u00e9',
  'e\u0301',
  'a\u202eb\u2066c',
  'zero\u200bwidth',
  '\ufeffmark',
  '\u{1f600}\u{10ffff}',
  '\ufffd\uffff',
  `"'\\%_;--{}[],NULL`,
  '\t\r\n\u0001\u007f\u0085',
];

const LATER = (LAST_INSTANT - 1n) as Instant;

/** What `AccessReads` and `AccessTransaction` promise of single records. */
export function describeAccessRecords(test: StorageTest): void {
  describe('access store: records', () => {
    // every field, with optional ones and without
    test.ofAccess('stores every field', async (fixture, store) => {
      const [namespace, user] = [newNamespace(fixture.name()), newUser(fixture.name())];
      const bare = newApiKey(fixture.name());
      const full = newApiKey(fixture.name(), {
        namespaceScope: fixture.name(),
        previous: { hash: fixture.name(), validUntil: LATER },
        expiresAt: LAST_INSTANT,
        lastUsedAt: 1n as Instant,
      });
      const [role, binding] = [newRole(fixture.name()), newBinding(fixture.name())];
      await store.change(
        adding({
          namespaces: [namespace],
          users: [user],
          apiKeys: [bare, full],
          roles: [role],
          bindings: [binding],
        }),
      );
      expect(await store.namespace(namespace.name)).toEqual(namespace);
      expect(await store.user(user.id)).toEqual(user);
      expect(await store.userNamed(user.username)).toEqual(user);
      expect(await store.apiKey(bare.id)).toEqual(bare);
      expect(await store.apiKey(full.id)).toEqual(full);
      expect(await store.role(role.namespace, role.name)).toEqual(role);
      expect(await store.binding(binding)).toEqual(binding);
      expect(await store.bindingsOf(binding.roleId, 2)).toEqual([binding]);
    });

    // "Undefined: there is no such record"
    test.ofAccess('has nothing of what is not there', async (fixture, store) => {
      const missing = fixture.name();
      await store.change(adding({ users: [newUser(fixture.name())] }));
      expect(await store.namespace(missing)).toBeUndefined();
      expect(await store.user(missing)).toBeUndefined();
      expect(await store.userNamed(missing)).toBeUndefined();
      expect(await store.apiKey(missing)).toBeUndefined();
      expect(await store.role(missing, missing)).toBeUndefined();
      expect(await store.binding({ userId: missing, namespace: missing, roleId: missing })).toBeUndefined();
      expect(await store.bindingsOf(missing, 10)).toEqual([]);
      expect(await store.grants({ keyHash: missing })).toBeUndefined();
    });

    // "Texts come back unchanged, byte by byte", and keys are compared byte by byte
    test.ofAccess('keeps texts as they are and tells them apart', async (fixture, store) => {
      const base = fixture.name();
      const user = (text: string) =>
        newUser(`${base}id${text}`, { username: `${base}name${text}`, email: text });
      const role = (text: string) =>
        newRole(`${base}${text}`, { namespace: base, name: text, permissions: TEXTS });
      const namespace = (text: string) =>
        newNamespace(`${base}${text}`, { description: text, apiKeyTag: text });
      const key = (text: string) =>
        newApiKey(`${base}${text}`, { userId: text, name: text, prefix: text, hash: `${base}${text}` });
      await store.change(
        adding({
          users: TEXTS.map(user),
          roles: TEXTS.map(role),
          namespaces: TEXTS.map(namespace),
          apiKeys: TEXTS.map(key),
        }),
      );
      for (const text of TEXTS) {
        expect(await store.user(`${base}id${text}`)).toEqual(user(text));
        expect(await store.userNamed(`${base}name${text}`)).toEqual(user(text));
        expect(await store.role(base, text)).toEqual(role(text));
        expect(await store.namespace(`${base}${text}`)).toEqual(namespace(text));
        expect(await store.apiKey(`${base}${text}`)).toEqual(key(text));
      }
    });

    // names of the greatest length that callers allow
    test.ofAccess('keeps long texts', async (fixture, store) => {
      const long = (bytes: number) => fixture.name().padEnd(bytes, 'ab');
      const namespace = newNamespace(long(256), { description: '\u{1f600}'.repeat(1_000) });
      const user = newUser(long(128), { username: long(128), externalId: long(512), email: long(512) });
      const role = newRole(long(128), { namespace: long(256), name: long(256), permissions: [long(512)] });
      const binding = newBinding(long(128), {
        userId: long(128),
        namespace: long(256),
        roleId: long(128),
      });
      await store.change(
        adding({ namespaces: [namespace], users: [user], roles: [role], bindings: [binding] }),
      );
      expect(await store.namespace(namespace.name)).toEqual(namespace);
      expect(await store.user(user.id)).toEqual(user);
      expect(await store.role(role.namespace, role.name)).toEqual(role);
      expect(await store.binding(binding)).toEqual(binding);
    });

    // "in the order they were given", none and unknown ones included
    test.ofAccess('keeps the order of permissions', async (fixture, store) => {
      for (const permissions of [[], ['b', 'a', 'unknown.permission', 'b']]) {
        const role = newRole(fixture.name(), { permissions });
        await store.change(adding({ roles: [role] }));
        expect((await store.role(role.namespace, role.name))?.permissions).toEqual(permissions);
      }
    });

    // what a caller does with a record later is its own affair
    test.ofAccess('shares no list with its caller', async (fixture, store) => {
      const permissions = ['queue.list'];
      const role = newRole(fixture.name(), { permissions });
      await store.change(adding({ roles: [role] }));
      permissions.push('queue.delete');
      expect((await store.role(role.namespace, role.name))?.permissions).toEqual(['queue.list']);
    });
  });

  describe('access store: updates', () => {
    // "Replaces description and tag"
    test.ofAccess('replaces the rest of a namespace', async (fixture, store) => {
      const stored = newNamespace(fixture.name());
      const other = newNamespace(fixture.name());
      await store.change(adding({ namespaces: [stored, other] }));
      const update = { name: stored.name, description: '', apiKeyTag: 'new' };
      expect(await store.change((transaction) => transaction.updateNamespace(update))).toBe(true);
      expect(await store.namespace(stored.name)).toEqual({ ...stored, ...update });
      expect(await store.namespace(other.name)).toEqual(other);
    });

    // "Replaces the secret", and "A hash may be one that the key had"
    test.ofAccess('replaces the secret of a key', async (fixture, store) => {
      const stored = newApiKey(fixture.name(), { lastUsedAt: 5n as Instant, expiresAt: LATER });
      const other = newApiKey(fixture.name());
      await store.change(adding({ apiKeys: [stored, other] }));
      const [first, second] = [fixture.name(), fixture.name()];
      for (const update of [
        { id: stored.id, hash: first, previous: { hash: stored.hash, validUntil: LATER }, prefix: 'first' },
        {
          id: stored.id,
          hash: second,
          previous: { hash: first, validUntil: LAST_INSTANT },
          prefix: 'second',
        },
        { id: stored.id, hash: first, previous: { hash: second, validUntil: LATER }, prefix: 'back' },
        { id: stored.id, hash: first, previous: undefined, prefix: 'alone' },
      ]) {
        expect(await store.change((transaction) => transaction.updateApiKey(update))).toBe(true);
        expect(await store.apiKey(stored.id)).toEqual({ ...stored, ...update });
      }
      expect(await store.apiKey(other.id)).toEqual(other);
      // hashes that no key has any more are free
      await store.change(
        adding({ apiKeys: [stored.hash, second].map((hash) => newApiKey(fixture.name(), { hash })) }),
      );
    });

    // "Replaces the permissions"
    test.ofAccess('replaces the permissions of a role', async (fixture, store) => {
      const stored = newRole(fixture.name());
      const other = newRole(fixture.name());
      await store.change(adding({ roles: [stored, other] }));
      for (const permissions of [['b', 'a'], []]) {
        const update = { id: stored.id, permissions };
        expect(await store.change((transaction) => transaction.updateRole(update))).toBe(true);
        expect(await store.role(stored.namespace, stored.name)).toEqual({ ...stored, permissions });
      }
      expect(await store.role(other.namespace, other.name)).toEqual(other);
    });

    // "whether … exists"
    test.ofAccess('tells if there is nothing to update', async (fixture, store) => {
      const missing = fixture.name();
      const results = await store.change(async (transaction) => [
        await transaction.updateNamespace({ name: missing, description: '', apiKeyTag: '' }),
        await transaction.updateApiKey({ id: missing, hash: missing, previous: undefined, prefix: '' }),
        await transaction.updateRole({ id: missing, permissions: [] }),
      ]);
      expect(results).toEqual([false, false, false]);
      expect(await store.namespace(missing)).toBeUndefined();
      expect(await store.apiKey(missing)).toBeUndefined();
    });
  });

  describe('access store: removals', () => {
    // "whether it existed"
    test.ofAccess('removes each kind of record once', async (fixture, store) => {
      const [namespace, user] = [newNamespace(fixture.name()), newUser(fixture.name())];
      const [apiKey, role] = [newApiKey(fixture.name()), newRole(fixture.name())];
      const binding = newBinding(fixture.name());
      await store.change(
        adding({
          namespaces: [namespace],
          users: [user],
          apiKeys: [apiKey],
          roles: [role],
          bindings: [binding],
        }),
      );
      const removeAll = async (transaction: AccessTransaction) => [
        await transaction.removeNamespace(namespace.name),
        await transaction.removeUser(user.id),
        await transaction.removeApiKey(apiKey.id),
        await transaction.removeRole(role.id),
        await transaction.removeBinding(binding.id),
      ];
      expect(await store.change(removeAll)).toEqual([true, true, true, true, true]);
      expect(await store.namespace(namespace.name)).toBeUndefined();
      expect(await store.user(user.id)).toBeUndefined();
      expect(await store.userNamed(user.username)).toBeUndefined();
      expect(await store.apiKey(apiKey.id)).toBeUndefined();
      expect(await store.role(role.namespace, role.name)).toBeUndefined();
      expect(await store.binding(binding)).toBeUndefined();
      expect(await store.change(removeAll)).toEqual([false, false, false, false, false]);
      // what was removed can be added again
      await store.change(
        adding({
          namespaces: [namespace],
          users: [user],
          apiKeys: [apiKey],
          roles: [role],
          bindings: [binding],
        }),
      );
      expect(await store.user(user.id)).toEqual(user);
    });

    // "Removes the user with all its keys and bindings"
    test.ofAccess('removes a user with its keys and bindings', async (fixture, store) => {
      const [user, other] = [newUser(fixture.name()), newUser(fixture.name())];
      const keys = (userId: string) =>
        [1, 2, 3].map(() =>
          newApiKey(fixture.name(), { userId, previous: { hash: fixture.name(), validUntil: LATER } }),
        );
      const bindings = (userId: string) => [1, 2, 3].map(() => newBinding(fixture.name(), { userId }));
      const [lost, kept] = [keys(user.id), keys(other.id)];
      const [lostBindings, keptBindings] = [bindings(user.id), bindings(other.id)];
      await store.change(
        adding({
          users: [user, other],
          apiKeys: [...lost, ...kept],
          bindings: [...lostBindings, ...keptBindings],
        }),
      );
      expect(await store.change((transaction) => transaction.removeUser(user.id))).toBe(true);
      const page = { pivot: '', limit: 10 };
      expect(await store.apiKeys({ ...page, userId: user.id })).toEqual([]);
      expect(await store.apiKeys({ ...page, userId: other.id })).toEqual(kept);
      for (const binding of lostBindings) expect(await store.binding(binding)).toBeUndefined();
      for (const binding of keptBindings) expect(await store.binding(binding)).toEqual(binding);
      // the ids and hashes of the keys are free again
      await store.change(adding({ apiKeys: lost }));
    });

    // "Removes the namespace and the API keys that are scoped to it … Queues, roles and bindings stay"
    test.ofAccess('removes a namespace with the keys that are scoped to it', async (fixture, store) => {
      const namespace = newNamespace(fixture.name());
      const scoped = newApiKey(fixture.name(), { namespaceScope: namespace.name });
      const others = [
        newApiKey(fixture.name()),
        newApiKey(fixture.name(), { namespaceScope: `${namespace.name}-other` }),
        newApiKey(fixture.name(), { name: namespace.name }),
      ];
      const role = newRole(fixture.name(), { namespace: namespace.name });
      const binding = newBinding(fixture.name(), { namespace: namespace.name });
      await store.change(
        adding({ namespaces: [namespace], apiKeys: [scoped, ...others], roles: [role], bindings: [binding] }),
      );
      expect(await store.change((transaction) => transaction.removeNamespace(namespace.name))).toBe(true);
      expect(await store.apiKey(scoped.id)).toBeUndefined();
      for (const key of others) expect(await store.apiKey(key.id)).toEqual(key);
      expect(await store.role(namespace.name, role.name)).toEqual(role);
      expect(await store.binding(binding)).toEqual(binding);
      // the scope of a key need not exist, and then nothing is removed
      await store.change(adding({ apiKeys: [scoped] }));
      expect(await store.change((transaction) => transaction.removeNamespace(namespace.name))).toBe(false);
      expect(await store.apiKey(scoped.id)).toEqual(scoped);
    });
  });

  describe('access store: unique records', () => {
    // "A record that collides with another one is a QueueError `invalid`"
    const refused = async (
      store: AccessStore,
      work: (transaction: AccessTransaction) => Promise<unknown>,
    ) => {
      await expect(store.change(work)).rejects.toMatchObject({ name: 'QueueError', code: 'invalid' });
    };

    test.ofAccess('refuses a namespace twice', async (fixture, store) => {
      const stored = newNamespace(fixture.name());
      await store.change(adding({ namespaces: [stored] }));
      await refused(store, adding({ namespaces: [newNamespace(stored.name, { description: 'other' })] }));
      expect(await store.namespace(stored.name)).toEqual(stored);
    });

    test.ofAccess('refuses a user with a taken id or name', async (fixture, store) => {
      const stored = newUser(fixture.name());
      await store.change(adding({ users: [stored] }));
      await refused(store, adding({ users: [newUser(stored.id, { username: fixture.name() })] }));
      const other = newUser(fixture.name(), { username: stored.username });
      await refused(store, adding({ users: [other] }));
      expect(await store.user(stored.id)).toEqual(stored);
      expect(await store.user(other.id)).toBeUndefined();
    });

    test.ofAccess('allows users to share everything else', async (fixture, store) => {
      const [one, other] = [1, 2].map(() => newUser(fixture.name(), { externalId: 'same', email: 'same' }));
      await store.change(adding({ users: [one, other].flatMap((user) => user ?? []) }));
      expect(await store.user(one?.id ?? '')).toEqual(one);
      expect(await store.user(other?.id ?? '')).toEqual(other);
    });

    // "Unique among all hashes": present and previous ones
    test.ofAccess('refuses a key with a taken id or hash', async (fixture, store) => {
      const validUntil = LATER;
      const stored = newApiKey(fixture.name(), { previous: { hash: fixture.name(), validUntil } });
      const own = newApiKey(fixture.name());
      await store.change(adding({ apiKeys: [stored, own] }));
      await refused(store, adding({ apiKeys: [newApiKey(stored.id, { hash: fixture.name() })] }));
      for (const hash of [stored.hash, stored.previous?.hash ?? '']) {
        const previous = { hash, validUntil };
        await refused(store, adding({ apiKeys: [newApiKey(fixture.name(), { hash })] }));
        await refused(store, adding({ apiKeys: [newApiKey(fixture.name(), { previous })] }));
        const { id, prefix } = own;
        await refused(store, (transaction) =>
          transaction.updateApiKey({ id, hash, previous: undefined, prefix }),
        );
        await refused(store, (transaction) =>
          transaction.updateApiKey({ id, hash: fixture.name(), previous, prefix }),
        );
      }
      expect(await store.apiKey(stored.id)).toEqual(stored);
      expect(await store.apiKey(own.id)).toEqual(own);
    });

    test.ofAccess('refuses a role with a taken id or name', async (fixture, store) => {
      const stored = newRole(fixture.name());
      await store.change(adding({ roles: [stored] }));
      await refused(store, adding({ roles: [newRole(stored.id, { name: fixture.name() })] }));
      const { namespace, name } = stored;
      await refused(store, adding({ roles: [newRole(fixture.name(), { namespace, name })] }));
      await store.change(adding({ roles: [newRole(fixture.name(), { name })] }));
      await store.change(adding({ roles: [newRole(fixture.name(), { namespace })] }));
      expect(await store.role(namespace, name)).toEqual(stored);
    });

    test.ofAccess('refuses a binding with a taken id or content', async (fixture, store) => {
      const stored = newBinding(fixture.name());
      await store.change(adding({ bindings: [stored] }));
      await refused(store, adding({ bindings: [newBinding(stored.id, { userId: fixture.name() })] }));
      await refused(store, adding({ bindings: [{ ...stored, id: fixture.name() }] }));
      for (const change of [
        { userId: fixture.name() },
        { namespace: fixture.name() },
        { roleId: fixture.name() },
      ]) {
        await store.change(adding({ bindings: [{ ...stored, id: fixture.name(), ...change }] }));
      }
      expect(await store.binding(stored)).toEqual(stored);
    });
  });
}
