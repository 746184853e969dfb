import { TRUSTED_CALLER } from '@querator/access';
import { QueueError } from '@querator/core';
import { expect, test } from 'vitest';
import type { CallContext } from '../../src/http/call/call-context.ts';
import { storagesHandlers } from '../../src/http/handlers/storages-handlers.ts';
import type { StorageState } from '../../src/http/health/health.ts';

const HORIZON = {
  kind: 'held-horizon',
  holder: 'session',
  text: 'session 7 has been open for 2 h',
  seconds: 7_200,
  transactions: 9,
} as const;
const RIGHT = { kind: 'missing-right', text: 'partitions cannot be created' } as const;
const STORAGE = { driver: 'postgres', drain: false, capabilities: [] };

/** What the call shows of these states. */
async function shown(states: readonly Partial<StorageState>[], caller = TRUSTED_CALLER) {
  const { list } = storagesHandlers({
    health: {
      storages: async () =>
        states.map((state, n) => ({
          ...{ name: `s-${n}`, outOfService: [], drain: undefined },
          ...state,
          result: { passed: true, latencyMs: 1.6, notices: [], ...state.result },
        })),
    },
    described: {
      storages: [3, 1, 0].map((affinity, n) => ({ ...STORAGE, name: `s-${n}`, affinity, drain: n === 2 })),
      queueStorage: undefined,
    },
    partitionCounts: async () => Promise.reject(new QueueError('failed', 'down')),
  });
  return (await list({}, { caller } as CallContext)).storages;
}

const result = (changes: object) => ({ passed: true, latencyMs: 1, notices: [], ...changes });

test('a storage is well if nothing is to be said of it, also while partitions cannot be counted', async () => {
  const [first, second] = await shown([{}, {}]);
  expect(first).toMatchObject({
    state: 'pass',
    reasons: [],
    horizon: [],
    latencyMs: 2,
    share: 75,
    partitions: 0,
  });
  expect(second).toMatchObject({ share: 25, drain: false });
});

test('what an operator should look at is told by its kind', async () => {
  const [first, second] = await shown([
    { result: result({ notices: [HORIZON, RIGHT] }), outOfService: ['1 of 2 partitions are out of service'] },
    { result: result({ notices: [HORIZON] }) },
  ]);
  expect(first).toMatchObject({
    state: 'warn',
    reasons: ['partitions cannot be created', '1 of 2 partitions are out of service'],
    horizon: ['session 7 has been open for 2 h'],
  });
  expect(second).toMatchObject({ state: 'warn', reasons: [] });
});

test('a storage that does not answer fails, without its error', async () => {
  const [first] = await shown([{ result: result({ passed: false }) }]);
  expect(first).toMatchObject({ state: 'fail', reasons: ['storage check failed'] });
});

test('a storage that drains says what is left, and when it can be switched off', async () => {
  const drain = { storage: 's-2', partitions: 1, holds: ['1 partition'], canBeSwitchedOff: false };
  const [, , holding] = await shown([{}, {}, { drain }]);
  expect(holding).toMatchObject({ state: 'warn', drain: true, drainHolds: ['1 partition'], share: 0 });
  const [, , empty] = await shown([{}, {}, { drain: { ...drain, holds: [], canBeSwitchedOff: true } }]);
  expect(empty).toMatchObject({ state: 'pass', canBeSwitchedOff: true });
});

test('a caller without the permission in _system learns nothing', async () => {
  const caller = { ...TRUSTED_CALLER, may: (_: string, namespace: string) => namespace === 'tenant' };
  await expect(shown([{}], caller)).rejects.toMatchObject({ code: 'forbidden' });
});
