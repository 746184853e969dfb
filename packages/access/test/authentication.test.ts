import { addDuration, parseDuration, QueueError } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AccessControl, TRUSTED_CALLER } from '../src/index.ts';
import { callerOf, namespaceWithRole, SharedAccess, userWithKey } from './support/access-fixture.ts';

let shared: SharedAccess;
let access: AccessControl;

beforeEach(async () => {
  shared = new SharedAccess();
  access = await shared.server();
});
afterEach(() => shared.stop());

const key = (tag: string, length: number) => `qtr-${tag}-${'a'.repeat(length)}`;

describe('a request with an API key', () => {
  test('is made by the key’s owner', async () => {
    const { key: text, id, userId } = await userWithKey(access, 'ann', { scope: 'tenant' });
    expect((await callerOf(access, text)).principal).toEqual({
      userId,
      username: 'ann',
      keyId: id,
      expiresAt: undefined,
      namespaceScope: 'tenant',
    });
  });

  test('is authenticated without a promise once the key is known', async () => {
    const { key: text } = await userWithKey(access, 'ann');
    const known = await callerOf(access, text);
    const before = shared.calls.length;
    expect(access.authenticate({ authorization: `Bearer ${text}`, address: '' })).toBe(known);
    expect(shared.calls.length).toBe(before);
  });

  test.each(['', 'Bearer', 'Bearer ', 'bearer qtr-live-x', 'Basic abc', `Token ${key('live', 43)}`])(
    'is refused if the header is %j, except when it is empty',
    async (authorization) => {
      const call = () => access.authenticate({ authorization, address: '' });
      if (authorization === '') expect((await call()).principal.userId).toBe('anonymous');
      else expect(call).toThrow(new QueueError('unauthenticated', 'invalid authorization header format'));
    },
  );

  test.each([
    'x',
    'abc-live-secret',
    key('', 43),
    key('live', 42),
    key('a'.repeat(17), 43),
    key('LIVE', 43),
    `${key('live', 43)}-`,
    `${key('live', 43)}ä`,
    key('live', 1_000_000),
  ])('is refused if the key has no valid form (case %#)', async (text) => {
    await expect(callerOf(access, text)).rejects.toMatchObject({
      code: 'unauthenticated',
      message: 'api key is invalid',
    });
    expect(shared.calls).not.toContain('grants');
  });

  test('is refused if nobody has the key', async () => {
    await expect(callerOf(access, key('live', 43))).rejects.toMatchObject({
      code: 'unauthenticated',
      message: 'api key does not exist',
    });
  });

  test('is refused once the key has expired, also if the key is cached', async () => {
    const { userId } = await userWithKey(access, 'ann');
    const expiresAt = addDuration(shared.clock.now(), parseDuration('1s'));
    const { key: text } = await access.service.apiKeys.create(
      { userId, name: '', namespaceScope: '', expiresAt, keyTag: '' },
      TRUSTED_CALLER,
    );
    await callerOf(access, text);
    await shared.clock.advance('999ms');
    await callerOf(access, text);
    await shared.clock.advance('1ms');
    const expired = { code: 'unauthenticated', message: 'api key has expired' };
    await expect(callerOf(access, text)).rejects.toMatchObject(expired);
  });

  test('is made by the owner of its own key, whatever its connection sent before', async () => {
    const [ann, bob] = [await userWithKey(access, 'ann'), await userWithKey(access, 'bob')];
    const connection = {};
    const by = async (authorization: string | undefined) =>
      (await access.authenticate({ authorization, address: '', connection })).principal.username;
    for (let n = 0; n < 2; n++) {
      expect(await by(`Bearer ${ann.key}`)).toBe('ann');
      expect(await by(`Bearer ${ann.key}`)).toBe('ann');
      expect(await by(`Bearer ${bob.key}`)).toBe('bob');
      expect(await by(undefined)).toBe('anonymous');
    }
    await expect(by(`Bearer ${bob.key}x`)).rejects.toMatchObject({ message: 'api key does not exist' });
    await access.service.apiKeys.delete(ann.id, TRUSTED_CALLER);
    await expect(by(`Bearer ${ann.key}`)).rejects.toMatchObject({ message: 'api key does not exist' });
  });

  test('uses one lookup for concurrent requests with a new key', async () => {
    const { key: text } = await userWithKey(access, 'ann');
    shared.calls.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => callerOf(access, text)));
    expect(shared.calls.filter((call) => call === 'grants')).toHaveLength(1);
  });

  test('sets the time of the last use, in batches and without a change of the generation', async () => {
    const { key: text, id } = await userWithKey(access, 'ann');
    const before = await shared.store.generation();
    for (let n = 0; n < 5; n++) await callerOf(access, text);
    expect((await shared.store.apiKey(id))?.lastUsedAt).toBeUndefined();
    shared.calls.length = 0;
    await shared.clock.advance('10s');
    expect((await shared.store.apiKey(id))?.lastUsedAt).toBeDefined();
    await shared.clock.advance('30s');
    expect(shared.calls.filter((call) => call === 'noteUses')).toHaveLength(1);
    expect(await shared.store.generation()).toBe(before);
  });
});

describe('an unknown key', () => {
  const guess = (n: number) => `qtr-live-${String(n).padStart(43, 'x')}`;
  const tryKeys = async (count: number, address: string, from = 0) => {
    const codes: string[] = [];
    for (let n = from; n < from + count; n++) {
      const error: unknown = await callerOf(access, guess(n), address).catch((thrown: unknown) => thrown);
      codes.push((error as QueueError).code);
    }
    return codes;
  };

  test('is refused with a delay after 20 others from one address, and reaches the store no more', async () => {
    expect(await tryKeys(20, '192.0.2.1')).toEqual(Array(20).fill('unauthenticated'));
    shared.calls.length = 0;
    await expect(callerOf(access, guess(99), '192.0.2.1')).rejects.toMatchObject({
      code: 'limited',
      retryAfterMs: 500,
    });
    expect(shared.calls).not.toContain('grants');
    await shared.clock.advance('500ms');
    expect(await tryKeys(2, '192.0.2.1', 100)).toEqual(['unauthenticated', 'limited']);
  });

  test('does not reach the store with many others at the same time', async () => {
    shared.calls.length = 0;
    const guesses = Array.from({ length: 500 }, (_, n) => callerOf(access, guess(n)));
    const settled = await Promise.allSettled(guesses);
    const codes = settled.map((each) => each.status === 'rejected' && (each.reason as QueueError).code);
    expect(new Set(codes)).toEqual(new Set(['unauthenticated', 'limited']));
    expect(shared.calls.filter((call) => call === 'grants').length).toBeLessThan(30);
  });

  test('from one address does not limit another address, nor keys that are known', async () => {
    const { key: text } = await userWithKey(access, 'ann');
    await callerOf(access, text, '192.0.2.1');
    await tryKeys(21, '192.0.2.1');
    await callerOf(access, text, '192.0.2.1');
    expect(await tryKeys(1, '192.0.2.2')).toEqual(['unauthenticated']);
  });

  test('does not limit the keys of others at that address, also right after a change', async () => {
    const { key: text, userId } = await userWithKey(access, 'ann');
    await callerOf(access, text, '192.0.2.1');
    await tryKeys(21, '192.0.2.1');
    await userWithKey(access, 'bob');
    await callerOf(access, text, '192.0.2.1');
    await access.service.users.delete(userId, TRUSTED_CALLER);
    const codes: string[] = [];
    for (let n = 0; n < 3; n++) {
      const error: unknown = await callerOf(access, text, '192.0.2.1').catch((thrown: unknown) => thrown);
      codes.push((error as QueueError).code);
    }
    expect(codes).toEqual(['unauthenticated', 'limited', 'limited']);
  });

  test('counts for the whole network of an IPv6 address', async () => {
    await tryKeys(20, '2001:db8::1');
    expect(await tryKeys(1, '2001:db8:0:0:ffff::2', 50)).toEqual(['limited']);
    expect(await tryKeys(1, '2001:db8:0:1::1', 60)).toEqual(['unauthenticated']);
  });
});

describe('a change to access', () => {
  const cases: readonly (readonly [
    string,
    (access: AccessControl, made: Made) => Promise<unknown>,
    string,
  ])[] = [
    ['a deleted key', ({ service }, { id }) => service.apiKeys.delete(id, TRUSTED_CALLER), 'unauthenticated'],
    [
      'a deleted user',
      ({ service }, { userId }) => service.users.delete(userId, TRUSTED_CALLER),
      'unauthenticated',
    ],
    [
      'a role without the permission',
      ({ service }) =>
        service.roles.update({ namespace: 'tenant', name: 'worker', permissions: [] }, TRUSTED_CALLER),
      'denied',
    ],
    [
      'a deleted binding',
      ({ service }, { userId }) =>
        service.roleBindings.delete({ namespace: 'tenant', roleName: 'worker', userId }, TRUSTED_CALLER),
      'denied',
    ],
  ];
  type Made = Awaited<ReturnType<typeof userWithKey>>;

  const outcome = async (server: AccessControl, text: string) => {
    try {
      return (await callerOf(server, text)).may('queue.produce', 'tenant') ? 'allowed' : 'denied';
    } catch (error) {
      return (error as QueueError).code;
    }
  };

  test.each(cases)('counts at once here and within a second elsewhere: %s', async (_, change, refused) => {
    const other = await shared.server();
    await namespaceWithRole(access, 'tenant', ['queue.produce']);
    const made = await userWithKey(access, 'ann', { bindings: [['tenant', 'worker']] });
    await shared.clock.advance('5s');
    expect(await outcome(access, made.key)).toBe('allowed');
    expect(await outcome(other, made.key)).toBe('allowed');
    await change(access, made);
    expect(await outcome(access, made.key)).toBe(refused);
    await shared.clock.advance('999ms');
    expect(await outcome(other, made.key)).toBe(refused);
  });

  test('counts at once elsewhere if the storage has signals', async () => {
    const listeners: (() => void)[] = [];
    const signals = {
      listening: true,
      publish: () => {
        for (const listener of listeners) listener();
      },
      subscribe: (_topic: string, onChange: () => void) => {
        listeners.push(onChange);
        return () => {};
      },
    };
    const changing = await shared.server({ signals });
    const other = await shared.server({ signals });
    const made = await userWithKey(access, 'ann');
    await shared.clock.advance('5s');
    expect(await outcome(other, made.key)).toBe('denied');
    await changing.service.apiKeys.delete(made.id, TRUSTED_CALLER);
    await shared.clock.advance('0s');
    expect(await outcome(other, made.key)).toBe('unauthenticated');
  });

  test('is reported to listeners, and a waiting caller can be judged anew', async () => {
    await namespaceWithRole(access, 'tenant', ['queue.lease']);
    const made = await userWithKey(access, 'ann', { bindings: [['tenant', 'worker']] });
    const caller = await callerOf(access, made.key);
    let changes = 0;
    const end = access.onChange(() => changes++);
    await access.service.roles.update(
      { namespace: 'tenant', name: 'worker', permissions: ['queue.stats'] },
      TRUSTED_CALLER,
    );
    await shared.clock.advance('1s');
    expect(changes).toBe(1);
    expect(caller.may('queue.lease', 'tenant')).toBe(true);
    expect((await access.refresh(caller)).may('queue.lease', 'tenant')).toBe(false);
    end();
    await access.service.apiKeys.delete(made.id, TRUSTED_CALLER);
    await shared.clock.advance('1s');
    expect(changes).toBe(1);
    await expect(access.refresh(caller)).rejects.toMatchObject({ message: 'api key does not exist' });
  });
});

test('requests without a key do not ask the store each time, also if there is no anonymous user', async () => {
  const closed = new SharedAccess();
  try {
    const server = await closed.server({ adminKey: key('admin', 43) });
    await closed.clock.advance('1s');
    closed.calls.length = 0;
    for (let n = 0; n < 5; n++) expect((await callerOf(server)).may('queue.list', '_system')).toBe(false);
    expect(closed.calls.filter((call) => call === 'grants')).toHaveLength(1);
    await server.service.roles.create(
      { namespace: '_system', name: 'reader', permissions: ['queue.list'] },
      TRUSTED_CALLER,
    );
    await closed.store.change(async (transaction) => {
      const createdAt = closed.clock.now();
      const user = { id: 'anonymous', username: 'anonymous', email: '', externalId: '' };
      await transaction.addUser({ ...user, createdAt, updatedAt: createdAt });
    });
    const binding = { namespace: '_system', roleName: 'reader', userId: 'anonymous' };
    await server.service.roleBindings.create(binding, TRUSTED_CALLER);
    expect((await callerOf(server)).may('queue.list', '_system')).toBe(true);
  } finally {
    await closed.stop();
  }
});

test('a store that was restored from a backup revives no decision of before', async () => {
  const { key: text, id } = await userWithKey(access, 'ann');
  await shared.clock.advance('1s');
  await callerOf(access, text);
  const known = await shared.store.generation();
  shared.generation = known - 1;
  await shared.clock.advance('1s');
  await shared.store.change((transaction) => transaction.removeApiKey(id));
  shared.generation = known;
  await shared.clock.advance('1s');
  await expect(callerOf(access, text)).rejects.toMatchObject({ message: 'api key does not exist' });
});

describe('while the store cannot be read', () => {
  test('cached decisions hold for three seconds more, then requests are to be repeated', async () => {
    const { key: text } = await userWithKey(access, 'ann');
    await shared.clock.advance('5s');
    await callerOf(access, text);
    shared.down = true;
    await shared.clock.advance('3s');
    await callerOf(access, text);
    await shared.clock.advance('1001ms');
    await expect(callerOf(access, text)).rejects.toMatchObject({ code: 'retry' });
    shared.down = false;
    await shared.clock.advance('1s');
    await callerOf(access, text);
    expect(shared.logged.map(({ text: line }) => line)).toContain('access control can be read again');
  });

  test('a key that is not cached is not refused as unknown', async () => {
    const { key: text } = await userWithKey(access, 'ann');
    await shared.clock.advance('5s');
    shared.down = true;
    await expect(callerOf(access, text)).rejects.toMatchObject({ name: 'StorageError' });
  });
});

describe('the earlier secret of a rotated key', () => {
  test('is valid until its time of grace ends, the new one from the start', async () => {
    const made = await userWithKey(access, 'ann');
    await callerOf(access, made.key);
    const rotated = await access.service.apiKeys.rotate(made.id, parseDuration('1m'), TRUSTED_CALLER);
    expect(rotated.id).toBe(made.id);
    expect((await callerOf(access, rotated.key)).principal.keyId).toBe(made.id);
    await shared.clock.advance('59s');
    expect((await callerOf(access, made.key)).principal.keyId).toBe(made.id);
    await shared.clock.advance('1s');
    const expired = { code: 'unauthenticated', message: 'api key has expired' };
    await expect(callerOf(access, made.key)).rejects.toMatchObject(expired);
    await callerOf(access, rotated.key);
  });

  test('ends at once with a second rotation', async () => {
    const made = await userWithKey(access, 'ann');
    await access.service.apiKeys.rotate(made.id, parseDuration('1h'), TRUSTED_CALLER);
    await access.service.apiKeys.rotate(made.id, parseDuration('1h'), TRUSTED_CALLER);
    await expect(callerOf(access, made.key)).rejects.toMatchObject({ message: 'api key does not exist' });
  });
});

test('a client certificate names its user; a name without a user is refused', async () => {
  const { userId } = await userWithKey(access, 'ann');
  const by = async (clientCertificate: string) =>
    access.authenticate({ authorization: undefined, address: '', clientCertificate });
  expect((await by('ann')).principal).toMatchObject({ userId, keyId: undefined });
  await expect(by('bob')).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('without access control keys are ignored with one warning, and only their form counts', async () => {
  const off = await shared.server({ enforced: false });
  expect(await callerOf(off, 'anything')).toBe(TRUSTED_CALLER);
  expect(await callerOf(off, 'anything')).toBe(TRUSTED_CALLER);
  expect(() => off.authenticate({ authorization: 'Basic x', address: '' })).toThrow(
    'invalid authorization header format',
  );
  expect(shared.logged.filter(({ text }) => text.includes('keys are ignored'))).toHaveLength(1);
});
