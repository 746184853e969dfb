import type { AccessReads, AccessStore, AccessTransaction } from '@querator/core';
import { describe, expect } from 'vitest';
import {
  adding,
  newApiKey,
  newBinding,
  newNamespace,
  newQuota,
  newRole,
  newUser,
} from '../fixture/access-content.ts';
import { numbered } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** One record of each kind. */
function oneOfEach(fixture: Fixture) {
  return {
    namespace: newNamespace(fixture.name()),
    user: newUser(fixture.name()),
    apiKey: newApiKey(fixture.name()),
    role: newRole(fixture.name()),
    binding: newBinding(fixture.name()),
    quota: newQuota(fixture.name()),
  };
}

type OneOfEach = ReturnType<typeof oneOfEach>;

function addingEach({ namespace, user, apiKey, role, binding, quota }: OneOfEach) {
  return adding({
    namespaces: [namespace],
    users: [user],
    apiKeys: [apiKey],
    roles: [role],
    bindings: [binding],
    quotas: [quota],
  });
}

/** The records as they are now. */
async function read(store: AccessReads, { namespace, user, apiKey, role, binding, quota }: OneOfEach) {
  return {
    namespace: await store.namespace(namespace.name),
    user: await store.user(user.id),
    apiKey: await store.apiKey(apiKey.id),
    role: await store.role(role.namespace, role.name),
    binding: await store.binding(binding),
    quota: await store.quota(quota.subject),
  };
}

const NOTHING = {
  namespace: undefined,
  user: undefined,
  apiKey: undefined,
  role: undefined,
  binding: undefined,
  quota: undefined,
};

/** Changes every record of `old` and adds those of `fresh`. */
function changingAll(old: OneOfEach, fresh: OneOfEach) {
  return async (transaction: AccessTransaction) => {
    await addingEach(fresh)(transaction);
    await transaction.updateRole({ id: old.role.id, permissions: ['other'] });
    const hash = `new ${old.apiKey.hash}`;
    await transaction.updateApiKey({ id: old.apiKey.id, hash, previous: undefined, prefix: 'new' });
    await transaction.removeNamespace(old.namespace.name);
    await transaction.removeUser(old.user.id);
    await transaction.removeBinding(old.binding.id);
    await transaction.removeQuota(old.quota.subject);
  };
}

/** What `AccessStore.change` and `AccessStore.generation` promise. */
export function describeAccessChanges(test: StorageTest): void {
  describe('access store: change', () => {
    // "Returns the same object each time"
    test.ofAccess('belongs to its backend', async (fixture, store) => {
      expect(fixture.backend.accessStore?.()).toBe(store);
    });

    test.ofAccess('gives what its work returns', async (_fixture, store) => {
      const result = { some: 'result' };
      expect(await store.change(async () => result)).toBe(result);
    });

    // a transaction sees its own changes, and nobody else does before it ends
    test.ofAccess('shows its changes to itself alone until it ends', async (fixture, store) => {
      const [old, fresh] = [oneOfEach(fixture), oneOfEach(fixture)];
      await store.change(addingEach(old));
      const before = await store.generation();
      await store.change(async (transaction) => {
        await changingAll(old, fresh)(transaction);
        expect(await read(transaction, fresh)).toEqual(fresh);
        expect(await read(transaction, old)).toMatchObject({
          namespace: undefined,
          user: undefined,
          apiKey: { prefix: 'new' },
          role: { permissions: ['other'] },
          binding: undefined,
          quota: undefined,
        });
        expect(await transaction.users({ pivot: old.user.id, limit: 1 })).toEqual([fresh.user]);
        expect(await read(store, fresh)).toEqual(NOTHING);
        expect(await read(store, old)).toEqual(old);
        expect(await store.generation()).toBe(before);
        expect(await store.grants({ userId: fresh.user.id })).toBeUndefined();
      });
      expect(await read(store, fresh)).toEqual(fresh);
      expect(await store.user(old.user.id)).toBeUndefined();
    });

    // "throws the error of `work`; then nothing was changed"
    test.ofAccess('changes nothing if its work fails', async (fixture, store) => {
      const [old, fresh] = [oneOfEach(fixture), oneOfEach(fixture)];
      await store.change(addingEach(old));
      const before = await store.generation();
      const failure = new Error('thrown by the work');
      const failing = store.change(async (transaction) => {
        await changingAll(old, fresh)(transaction);
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      expect(await read(store, fresh)).toEqual(NOTHING);
      expect(await read(store, old)).toEqual(old);
      expect(await store.generation()).toBe(before);
      await store.change(addingEach(fresh));
      expect(await read(store, fresh)).toEqual(fresh);
    });

    // "A call that fails ends the transaction … even if `work` catches the error"
    test.ofAccess('changes nothing if a call of its work fails', async (fixture, store) => {
      const stored = newNamespace(fixture.name());
      await store.change(adding({ namespaces: [stored] }));
      const before = await store.generation();
      const names = [fixture.name(), fixture.name()];
      const caught = store.change(async (transaction) => {
        await transaction.addNamespace(newNamespace(names[0] ?? ''));
        await transaction.addNamespace(stored).catch(() => {});
        await transaction.addNamespace(newNamespace(names[1] ?? '')).catch(() => {});
      });
      await expect(caught).rejects.toMatchObject({ name: 'QueueError', code: 'invalid' });
      for (const name of names) expect(await store.namespace(name)).toBeUndefined();
      expect(await store.generation()).toBe(before);
    });

    /** Each transaction reads, and writes what follows from what it read. */
    const allApply = async (fixture: Fixture, stores: readonly AccessStore[]) => {
      const role = newRole(fixture.name(), { permissions: [] });
      const name = fixture.name();
      await stores[0]?.change(adding({ roles: [role] }));
      const before = (await stores[0]?.generation()) ?? 0;
      const calls = numbered('call', 12);
      const added = await Promise.all(
        calls.map((call, index) =>
          stores[index % stores.length]?.change(async (transaction) => {
            const found = await transaction.role(role.namespace, role.name);
            const permissions = [...(found?.permissions ?? []), call];
            await transaction.updateRole({ id: role.id, permissions });
            if ((await transaction.namespace(name)) !== undefined) return false;
            await transaction.addNamespace(newNamespace(name, { description: call }));
            return true;
          }),
        ),
      );
      expect(added.filter((each) => each)).toHaveLength(1);
      const stored = await stores[0]?.role(role.namespace, role.name);
      expect([...(stored?.permissions ?? [])].sort()).toEqual([...calls].sort());
      expect(await stores[0]?.generation()).toBeGreaterThanOrEqual(before + calls.length);
    };

    // "Transactions run one after the other"
    test.ofAccess('runs transactions one after the other', async (fixture, store) => {
      await allApply(fixture, [store, store]);
    });

    // "in all processes"
    test.ofAccess(
      'runs transactions of several processes one after the other',
      async (fixture, store) => {
        await allApply(fixture, [store, await fixture.otherAccess()]);
      },
      'shared',
    );

    // a failed transaction does not stop those behind it
    test.ofAccess('works after a transaction that failed', async (fixture, store) => {
      const users = [1, 2, 3, 4].map(() => newUser(fixture.name()));
      const results = await Promise.allSettled(
        users.map((user, index) =>
          store.change(async (transaction) => {
            await transaction.addUser(user);
            if (index % 2 === 0) throw new Error('thrown by the work');
          }),
        ),
      );
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
      const found = await Promise.all(users.map(async ({ id }) => (await store.user(id)) !== undefined));
      expect(found).toEqual([false, true, false, true]);
    });

    // "All changes … are durable when the promise is fulfilled"
    test.ofAccess(
      'finds everything as it was after it was reopened',
      async (fixture, store) => {
        const records = oneOfEach(fixture);
        await store.change(addingEach(records));
        const generation = await store.generation();
        await fixture.backend.close();
        const after = await fixture.otherAccess();
        expect(await read(after, records)).toEqual(records);
        expect(await after.generation()).toBe(generation);
      },
      'durable',
    );

    // other processes see a change at once
    test.ofAccess(
      'is seen by a second process at once',
      async (fixture, store) => {
        const other = await fixture.otherAccess();
        const records = oneOfEach(fixture);
        expect(await read(other, records)).toEqual(NOTHING);
        await store.change(addingEach(records));
        expect(await read(other, records)).toEqual(records);
        expect(await other.generation()).toBe(await store.generation());
        await other.change((transaction) => transaction.removeUser(records.user.id));
        expect(await store.user(records.user.id)).toBeUndefined();
        expect(await store.generation()).toBe(await other.generation());
      },
      'shared',
    );
  });

  describe('access store: generation', () => {
    // "A number that every change raises"
    test.ofAccess('grows with every change', async (fixture, store) => {
      const records = oneOfEach(fixture);
      const { namespace, user, apiKey, role, binding, quota } = records;
      const changes: readonly ((transaction: AccessTransaction) => Promise<unknown>)[] = [
        adding({ namespaces: [namespace] }),
        adding({ users: [user] }),
        adding({ apiKeys: [apiKey] }),
        adding({ roles: [role] }),
        adding({ bindings: [binding] }),
        adding({ quotas: [quota] }),
        (transaction) => transaction.updateNamespace({ ...namespace, description: 'new' }),
        (transaction) => transaction.updateApiKey({ ...apiKey, hash: fixture.name() }),
        (transaction) => transaction.updateRole({ ...role, permissions: ['new'] }),
        adding({ quotas: [{ ...quota, limits: {} }] }),
        (transaction) => transaction.removeQuota(quota.subject),
        (transaction) => transaction.removeBinding(binding.id),
        (transaction) => transaction.removeRole(role.id),
        (transaction) => transaction.removeApiKey(apiKey.id),
        (transaction) => transaction.removeUser(user.id),
        (transaction) => transaction.removeNamespace(namespace.name),
      ];
      let last = await store.generation();
      for (const change of changes) {
        await store.change(change);
        const next = await store.generation();
        expect(next, String(change)).toBeGreaterThan(last);
        last = next;
      }
    });

    // "0: the store was never changed", or a number that a reader can keep
    test.ofAccess('is a whole number', async (fixture, store) => {
      expect(Number.isSafeInteger(await store.generation())).toBe(true);
      await store.change(adding({ users: [newUser(fixture.name())] }));
      expect(Number.isSafeInteger(await store.generation())).toBe(true);
    });

    // "A transaction that changes nothing leaves it alone"
    test.ofAccess('stays as it is if nothing was changed', async (fixture, store) => {
      const records = oneOfEach(fixture);
      const missing = fixture.name();
      await store.change(addingEach(records));
      const before = await store.generation();
      await store.change(async () => {});
      await store.change((transaction) => read(transaction, records));
      await store.change((transaction) => transaction.removeUser(missing));
      await store.change((transaction) => transaction.removeNamespace(missing));
      await store.change((transaction) => transaction.updateRole({ id: missing, permissions: [] }));
      await store.change((transaction) => transaction.removeQuota({ kind: 'key', name: missing }));
      await store.change(adding({ users: [records.user] })).catch(() => {});
      await store.noteUses([{ keyId: records.apiKey.id, at: fixture.clock.now() }]);
      await read(store, records);
      await store.grants({ userId: records.user.id });
      expect(await store.generation()).toBe(before);
    });
  });

  describe('access store: closing', () => {
    // `StorageBackend.close`: "Later calls fail" with a rejected StorageError
    test.ofAccess('refuses every call after it was closed', async (fixture, store) => {
      await store.change(adding({ users: [newUser(fixture.name())] }));
      await fixture.backend.close();
      const page = { pivot: '', limit: 1 };
      const calls: Record<string, () => Promise<unknown>> = {
        namespace: () => store.namespace('a'),
        namespaces: () => store.namespaces(page),
        user: () => store.user('a'),
        userNamed: () => store.userNamed('a'),
        users: () => store.users(page),
        apiKey: () => store.apiKey('a'),
        apiKeys: () => store.apiKeys({ ...page, userId: '' }),
        role: () => store.role('a', 'a'),
        roles: () => store.roles({ ...page, namespace: 'a' }),
        binding: () => store.binding({ userId: 'a', namespace: 'a', roleId: 'a' }),
        bindings: () => store.bindings({ ...page, namespace: 'a', userId: '' }),
        bindingsOf: () => store.bindingsOf('a', 1),
        quota: () => store.quota({ kind: 'key', name: 'a' }),
        quotas: () => store.quotas({ ...page, kind: 'key' }),
        change: () => store.change(async () => {}),
        generation: () => store.generation(),
        grants: () => store.grants({ userId: 'a' }),
        noteUses: () => store.noteUses([{ keyId: 'a', at: fixture.clock.now() }]),
      };
      for (const [name, call] of Object.entries(calls)) {
        await expect(call(), `${name}, after close`).rejects.toMatchObject({
          name: 'StorageError',
          outcome: 'not-applied',
        });
      }
    });
  });
}
