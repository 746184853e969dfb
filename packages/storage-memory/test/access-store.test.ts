import { SystemClock, SystemRandom, type User } from '@querator/core';
import { expect, test } from 'vitest';
import { memoryBackend } from '../src/index.ts';

function open() {
  const backend = memoryBackend({ name: 'memory', clock: new SystemClock(), random: new SystemRandom() });
  const store = backend.accessStore?.();
  if (store === undefined) throw new Error('there is no access store');
  return { backend, store };
}

function user(id: string): User {
  return { id, username: `name of ${id}`, externalId: '', email: '', createdAt: 1n, updatedAt: 1n } as User;
}

test('reads outside a running transaction see the state before it', async () => {
  const { store } = open();
  await store.change((transaction) => transaction.addUser(user('b')));
  await store.change(async (transaction) => {
    await transaction.addUser(user('a'));
    await transaction.removeUser('b');
    await transaction.addUser(user('c'));
    const page = { pivot: '', limit: 10 };
    expect((await transaction.users(page)).map(({ id }) => id)).toEqual(['a', 'c']);
    expect((await store.users(page)).map(({ id }) => id)).toEqual(['b']);
    expect(await store.generation()).toBe(1);
  });
  expect((await store.users({ pivot: '', limit: 10 })).map(({ id }) => id)).toEqual(['a', 'c']);
  expect(await store.generation()).toBe(2);
});

test('a transaction that is over can no longer be used', async () => {
  const { store } = open();
  const kept = await store.change(async (transaction) => transaction);
  await expect(kept.addUser(user('a'))).rejects.toThrow('the transaction is over');
  expect(await store.user('a')).toBeUndefined();
});

test('a change that is running when the backend closes fails', async () => {
  const { backend, store } = open();
  const change = store.change(async (transaction) => {
    await transaction.addUser(user('a'));
    await backend.close();
  });
  await expect(change).rejects.toThrow("storage 'memory' is closed");
  await expect(store.generation()).rejects.toThrow("storage 'memory' is closed");
});
