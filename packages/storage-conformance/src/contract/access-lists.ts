import type { AccessListRequest } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newApiKey, newBinding, newNamespace, newRole, newUser } from '../fixture/access-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/**
 * Ends of keys, ascending in UTF-8. UTF-16 order, locales and orders that ignore
 * case differ from it.
 */
const ENDINGS = ['', ' ', '-', '0', '10', '2', 'A', 'Z', '_', 'a', 'b', 'z', '\u00e9', '\ufffd', '\u{1f600}'];

/** An order that is neither ascending nor descending. */
function shuffled<T>(values: readonly T[]): readonly T[] {
  return [
    ...values.filter((_, index) => index % 2 === 1).reverse(),
    ...values.filter((_, index) => index % 2 === 0),
  ];
}

/** Lists one kind of records by their keys. */
type List = (request: AccessListRequest) => Promise<readonly string[]>;

/** A list in order of keys that begin with `base` contains `keys`, and pages of it begin where they should. */
async function expectPages(list: List, keys: readonly string[]): Promise<void> {
  const [first = '', second = '', third = ''] = keys;
  const all = keys.length;
  expect(await list({ pivot: first, limit: all })).toEqual(keys);
  expect(await list({ pivot: first, limit: 2 })).toEqual([first, second]);
  // the pivot is included
  expect(await list({ pivot: second, limit: 2 })).toEqual([second, third]);
  // a pivot that is not there
  expect(await list({ pivot: `${first}\u0001`, limit: 2 })).toEqual([second, third]);
  // the storage may hold greater keys of other tests
  for (let index = 0; index < all; index += 4) {
    const page = keys.slice(index, index + 4);
    expect(await list({ pivot: keys[index] ?? '', limit: page.length })).toEqual(page);
  }
  expect(await list({ pivot: keys.at(-1) ?? '', limit: 1 })).toEqual(keys.slice(-1));
}

/** What `AccessReads` promises of pages. */
export function describeAccessLists(test: StorageTest): void {
  const idsOf = (records: readonly { readonly id: string }[]) => records.map(({ id }) => id);

  describe('access store: lists', () => {
    // "A page of a list in order of its key, compared as bytes"; "starts at this key, or at the next greater one"
    test.ofAccess('lists namespaces in order of names', async (fixture, store) => {
      const base = fixture.name();
      const names = ENDINGS.map((ending) => base + ending);
      await store.change(adding({ namespaces: shuffled(names).map((name) => newNamespace(name)) }));
      const list: List = async (request) => (await store.namespaces(request)).map(({ name }) => name);
      await expectPages(list, names);
      expect(await store.namespaces({ pivot: base, limit: 1 })).toEqual([newNamespace(base)]);
    });

    test.ofAccess('lists users in order of ids', async (fixture, store) => {
      const ids = idsFrom(fixture.name());
      // the order of names is the opposite one
      const username = (index: number) => `${fixture.name()}-${100 - index}`;
      const users = ids.map((id, index) => newUser(id, { username: username(index) }));
      await store.change(adding({ users: shuffled(users) }));
      await expectPages(async (request) => idsOf(await store.users(request)), ids);
      expect(await store.users({ pivot: ids[0] ?? '', limit: users.length })).toEqual(users);
    });

    // "only keys of this user. Empty: of all users"
    test.ofAccess('lists keys of all users or of one', async (fixture, store) => {
      const ids = idsFrom(fixture.name());
      const [one, other] = [fixture.name(), fixture.name()];
      const keys = ids.map((id, index) => newApiKey(id, { userId: index % 3 === 0 ? other : one }));
      await store.change(adding({ apiKeys: shuffled(keys) }));
      await expectPages(async (request) => idsOf(await store.apiKeys({ ...request, userId: '' })), ids);
      const ofOne = keys.filter(({ userId }) => userId === one);
      await expectPages(
        async (request) => idsOf(await store.apiKeys({ ...request, userId: one })),
        idsOf(ofOne),
      );
      expect(await store.apiKeys({ pivot: '', limit: 100, userId: one })).toEqual(ofOne);
      expect(await store.apiKeys({ pivot: '', limit: 100, userId: fixture.name() })).toEqual([]);
    });

    // the filter comes before the limit
    test.ofAccess('lists the roles of one namespace', async (fixture, store) => {
      const ids = idsFrom(fixture.name());
      const [one, other] = [fixture.name(), fixture.name()];
      const roles = ids.map((id, index) =>
        newRole(id, { namespace: index % 3 === 0 ? other : one, name: `${100 - index}` }),
      );
      await store.change(adding({ roles: shuffled(roles) }));
      const ofOne = roles.filter(({ namespace }) => namespace === one);
      await expectPages(
        async (request) => idsOf(await store.roles({ ...request, namespace: one })),
        idsOf(ofOne),
      );
      expect(await store.roles({ pivot: '', limit: 100, namespace: one })).toEqual(ofOne);
      expect(await store.roles({ pivot: '', limit: 100, namespace: `${one}x` })).toEqual([]);
    });

    // both filters come before the limit
    test.ofAccess('lists the bindings of a namespace, of all users or of one', async (fixture, store) => {
      const ids = idsFrom(fixture.name());
      const [namespace, elsewhere] = [fixture.name(), fixture.name()];
      const [one, other] = [fixture.name(), fixture.name()];
      const bindings = ids.map((id, index) =>
        newBinding(id, {
          namespace: index % 4 === 1 ? elsewhere : namespace,
          userId: index % 3 === 0 ? other : one,
          roleId: `${100 - index}`,
        }),
      );
      await store.change(adding({ bindings: shuffled(bindings) }));
      const here = bindings.filter((binding) => binding.namespace === namespace);
      await expectPages(
        async (request) => idsOf(await store.bindings({ ...request, namespace, userId: '' })),
        idsOf(here),
      );
      const ofOne = here.filter(({ userId }) => userId === one);
      await expectPages(
        async (request) => idsOf(await store.bindings({ ...request, namespace, userId: one })),
        idsOf(ofOne),
      );
      expect(await store.bindings({ pivot: '', limit: 100, namespace, userId: one })).toEqual(ofOne);
      expect(await store.bindings({ pivot: '', limit: 100, namespace, userId: fixture.name() })).toEqual([]);
    });

    // "Any bindings of a role, at most `limit`, in all namespaces"
    test.ofAccess('finds bindings of a role in all namespaces', async (fixture, store) => {
      const [roleId, other] = [fixture.name(), fixture.name()];
      const bindings = [1, 2, 3].map(() => newBinding(fixture.name(), { roleId }));
      await store.change(adding({ bindings: [...bindings, newBinding(fixture.name(), { roleId: other })] }));
      expect(idsOf(await store.bindingsOf(roleId, 10)).sort()).toEqual(idsOf(bindings));
      expect(await store.bindingsOf(roleId, 2)).toHaveLength(2);
      expect(await store.bindingsOf(other, 10)).toHaveLength(1);
    });

    // an id is no part of another one
    test.ofAccess('tells keys apart that begin alike', async (fixture, store) => {
      const base = fixture.name();
      const texts = [base, `${base} `, `${base}%`, `${base}_`, `${base}\u0001`];
      await store.change(
        adding({
          roles: texts.map((namespace) => newRole(fixture.name(), { namespace })),
          apiKeys: texts.map((userId) => newApiKey(fixture.name(), { userId })),
        }),
      );
      for (const text of texts) {
        const roles = await store.roles({ pivot: '', limit: 10, namespace: text });
        expect(roles.map(({ namespace }) => namespace)).toEqual([text]);
        const keys = await store.apiKeys({ pivot: '', limit: 10, userId: text });
        expect(keys.map(({ userId }) => userId)).toEqual([text]);
      }
    });
  });
}

function idsFrom(base: string): readonly string[] {
  return ENDINGS.map((ending) => base + ending);
}
