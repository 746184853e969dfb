import { AccessControl, QueueAuthorizer, TRUSTED_CALLER } from '@querator/access';
import { QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AccessGate } from '../../src/http/call/access-gate.ts';
import { callHeadersOf } from '../../src/http/call/call-headers.ts';
import { ClientAddresses } from '../../src/http/call/client-addresses.ts';

const clock = new ManualClock();
let access: AccessControl;
let gate: AccessGate;
let keyId: string;
let headers: ReturnType<typeof callHeadersOf>;

beforeEach(async () => {
  const random = new SeededRandom(3);
  const store = memoryBackend({ name: 'memory', clock, random }).accessStore?.();
  if (store === undefined) throw new Error('the memory driver has no access store');
  access = new AccessControl({
    store,
    clock,
    monotonicMs: () => Number(clock.now() / 1_000n),
    random,
    enforced: true,
  });
  await access.start();
  const { users, apiKeys, roleBindings } = access.service;
  const { id: userId } = await users.create({ username: 'ann', email: '', externalId: '' }, TRUSTED_CALLER);
  await roleBindings.create({ namespace: '_system', roleName: 'Admin', userId }, TRUSTED_CALLER);
  const unset = { name: '', namespaceScope: '', keyTag: '', expiresAt: undefined };
  await apiKeys.create({ userId, ...unset }, TRUSTED_CALLER);
  const { id, key } = await apiKeys.create({ userId, ...unset }, TRUSTED_CALLER);
  keyId = id;
  headers = callHeadersOf(['Authorization', `Bearer ${key}`]);
  const authorizer = new QueueAuthorizer(() => '_system');
  gate = new AccessGate({ access, authorizer, clock, addresses: new ClientAddresses([]) });
});
afterEach(() => access.stop());

function watched(caller: Awaited<ReturnType<AccessGate['authenticate']>>) {
  const refusals: unknown[] = [];
  const call = { caller, permission: 'queue.lease', queueName: 'q' } as const;
  const end = gate.watch?.(call, (error) => refusals.push(error));
  return { refusals, end };
}

const DELETED = new QueueError('unauthenticated', 'api key does not exist');

test('a call that begins to wait after a change is judged by it', async () => {
  const caller = await gate.authenticate(headers);
  await access.service.apiKeys.delete(keyId, TRUSTED_CALLER);
  await clock.advance('1s');
  const { refusals } = watched(caller);
  await clock.advance('0s');
  expect(refusals).toEqual([DELETED]);
});

test('several changes refuse a waiting call once, and its listener is gone', async () => {
  const { refusals } = watched(await gate.authenticate(headers));
  await access.service.apiKeys.delete(keyId, TRUSTED_CALLER);
  await access.service.users.create({ username: 'bob', email: '', externalId: '' }, TRUSTED_CALLER);
  await clock.advance('1s');
  await access.service.users.create({ username: 'carl', email: '', externalId: '' }, TRUSTED_CALLER);
  await clock.advance('1s');
  expect(refusals).toEqual([DELETED]);
});

test('a call that has ended is not refused', async () => {
  const { refusals, end } = watched(await gate.authenticate(headers));
  await access.service.apiKeys.delete(keyId, TRUSTED_CALLER);
  end?.();
  await clock.advance('1s');
  expect(refusals).toEqual([]);
});
