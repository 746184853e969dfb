import type { AccessListRequest, QuotaKind, QuotaSubject } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newApiKey, newNamespace, newQuota, newUser } from '../fixture/access-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** Ends of names, ascending in UTF-8. */
const ENDINGS = ['', ' ', '-', '10', '2', 'A', 'a', '\u00e9', '\ufffd', '\u{1f600}'];

const KINDS: readonly QuotaKind[] = ['namespace', 'key'];

/** What `AccessStore` promises of quotas. */
export function describeAccessQuotas(test: StorageTest): void {
  describe('access store: quotas', () => {
    // no limit, one of each kind, and the greatest number that a caller can give
    test.ofAccess('stores the limits of namespaces and keys', async (fixture, store) => {
      const all = {
        queues: 1,
        partitions: 2,
        itemsWaiting: 3,
        bytesWaiting: Number.MAX_SAFE_INTEGER,
        requestsPerSecond: 5,
        itemsPerSecond: 6,
        waitingConsumers: 7,
        connections: 8,
      };
      const quotas = KINDS.flatMap((kind) =>
        [{}, all, { connections: 1 }].map((limits) => newQuota(fixture.name(), { kind, limits })),
      );
      await store.change(adding({ quotas }));
      for (const quota of quotas) expect(await store.quota(quota.subject)).toEqual(quota);
      expect(await store.quota({ kind: 'namespace', name: fixture.name() })).toBeUndefined();
    });

    // "replaces that of the same subject"; a key and a namespace of one name are two subjects
    test.ofAccess('keeps one quota for each subject', async (fixture, store) => {
      const name = fixture.name();
      const [namespace, key] = KINDS.map((kind) => newQuota(name, { kind }));
      if (namespace === undefined || key === undefined) throw new Error('two kinds');
      await store.change(adding({ quotas: [namespace, key] }));
      const replaced = { ...key, limits: { itemsPerSecond: 9 } };
      await store.change(adding({ quotas: [replaced] }));
      expect(await store.quota(key.subject)).toEqual(replaced);
      expect(await store.quota(namespace.subject)).toEqual(namespace);
      const removals = await store.change(async (transaction) => [
        await transaction.removeQuota(key.subject),
        await transaction.removeQuota(key.subject),
      ]);
      expect(removals).toEqual([true, false]);
      expect(await store.quota(key.subject)).toBeUndefined();
      expect(await store.quota(namespace.subject)).toEqual(namespace);
    });

    // "The quotas of one kind of subject, in order of their names"
    test.ofAccess('lists the quotas of one kind in order of names', async (fixture, store) => {
      const base = fixture.name();
      const names = ENDINGS.map((ending) => base + ending);
      const quotas = KINDS.flatMap((kind) => names.toReversed().map((name) => newQuota(name, { kind })));
      await store.change(adding({ quotas }));
      for (const kind of KINDS) {
        const list = async (request: AccessListRequest) =>
          (await store.quotas({ ...request, kind })).map(({ subject }) => subject.name);
        expect(await list({ pivot: base, limit: names.length })).toEqual(names);
        expect(await list({ pivot: names[1] ?? '', limit: 2 })).toEqual(names.slice(1, 3));
        expect(await list({ pivot: `${base}\u0001`, limit: 2 })).toEqual(names.slice(1, 3));
        expect(await store.quotas({ pivot: base, limit: 1, kind })).toEqual([newQuota(base, { kind })]);
      }
    });

    // "Removes the namespace and the API keys that are scoped to it, with their quotas"
    test.ofAccess('removes the quotas of what is removed', async (fixture, store) => {
      const namespace = newNamespace(fixture.name());
      const user = newUser(fixture.name());
      const scoped = newApiKey(fixture.name(), { namespaceScope: namespace.name });
      const owned = newApiKey(fixture.name(), { userId: user.id });
      const alone = newApiKey(fixture.name());
      const other = newApiKey(fixture.name());
      const ofKey = (name: string): QuotaSubject => ({ kind: 'key', name });
      const removed: readonly QuotaSubject[] = [
        { kind: 'namespace', name: namespace.name },
        ...[scoped, owned, alone].map(({ id }) => ofKey(id)),
      ];
      // the same names as another kind, and a key that stays
      const kept: readonly QuotaSubject[] = [ofKey(namespace.name), ofKey(user.id), ofKey(other.id)];
      await store.change(
        adding({
          namespaces: [namespace],
          users: [user],
          apiKeys: [scoped, owned, alone, other],
          quotas: [...removed, ...kept].map(({ kind, name }) => newQuota(name, { kind })),
        }),
      );
      await store.change(async (transaction) => {
        await transaction.removeNamespace(namespace.name);
        await transaction.removeUser(user.id);
        await transaction.removeApiKey(alone.id);
      });
      for (const subject of removed) expect(await store.quota(subject)).toBeUndefined();
      for (const subject of kept) expect(await store.quota(subject)).toBeDefined();
    });
  });
}
