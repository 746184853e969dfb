import { describe, expect, test } from 'vitest';
import {
  CAPABILITY_NAMES,
  type CapabilityRule,
  claimedCapabilities,
  STORAGE_CAPABILITIES,
  type StorageCapabilities,
} from './capabilities.ts';
import { capabilityFaults, claimsWithin } from './capability-faults.ts';
import type { StorageBackend } from './storage-backend.ts';

interface Parts {
  readonly backend?: object;
  readonly queues?: object;
  readonly partitions?: object;
}

/** A backend with some optional members, which no test calls. */
function backendWith(capabilities: object, { backend = {}, queues = {}, partitions = {} }: Parts = {}) {
  return {
    ...{ capabilities, queueStore: () => queues, partitionStore: () => partitions },
    ...backend,
  } as unknown as StorageBackend;
}

const NOTHING: StorageCapabilities = { durable: false, shared: false };
const call = () => {};

describe('the list of capabilities', () => {
  test('has a sentence for what each means, and for what happens without it', () => {
    for (const [name, { meaning, without }] of Object.entries(STORAGE_CAPABILITIES)) {
      expect(meaning, name).toMatch(/^[A-Z].*\.$/);
      expect(without, name).toMatch(/^[A-Z`].*\.$/);
    }
  });

  test('gives its order to claims', () => {
    expect(claimedCapabilities({ find: true, shared: false, pause: true, durable: true })).toEqual([
      'durable',
      'find',
      'pause',
    ]);
    expect(claimedCapabilities(NOTHING)).toEqual([]);
  });
});

describe('claims and members', () => {
  test('agree', () => {
    expect(capabilityFaults(backendWith(NOTHING))).toEqual([]);
    expect(capabilityFaults(backendWith({ ...NOTHING, find: false, tasks: undefined }))).toEqual([]);
    const all = Object.fromEntries(CAPABILITY_NAMES.map((name) => [name, true]));
    const members = (port: 'backend' | 'queues' | 'partitions') =>
      Object.fromEntries(
        Object.values<CapabilityRule>(STORAGE_CAPABILITIES).flatMap((rule) =>
          (rule[port] ?? []).map((member) => [member, call]),
        ),
      );
    const parts = {
      ...{ backend: members('backend'), queues: members('queues'), partitions: members('partitions') },
    };
    expect(capabilityFaults(backendWith(all, parts))).toEqual([]);
  });

  test.each([
    [{ tasks: true }, {}, ["claims 'tasks', but the backend has no taskStore"]],
    [{}, { backend: { taskStore: call } }, ["does not claim 'tasks', but the backend has taskStore"]],
    [{ find: true }, {}, ["claims 'find', but its partition store has no find"]],
    [{}, { queues: { pause: call } }, ["does not claim 'pause', but its queue store has pause"]],
    [
      { dedup: true },
      { partitions: { produceKeyed: call, importKeyed: call, sweepKeys: call } },
      [
        "claims 'dedup', but its partition store has no countKeys",
        "claims 'dedup', but its partition store has no readKeys",
        "claims 'dedup', but its partition store has no storeKeys",
      ],
    ],
    [{ shared: true }, {}, ["claims 'shared' without 'durable'"]],
    [{ speed: true }, {}, ["claims 'speed', which is no capability"]],
  ])('disagree: %j', (claims, parts, faults) => {
    expect(capabilityFaults(backendWith({ ...NOTHING, ...claims }, parts))).toEqual(faults);
  });
});

test('a decorator without optional members of the backend loses their claims, and no others', () => {
  const claims = { ...NOTHING, durable: true, find: true, polls: true, tasks: true };
  expect(claimsWithin(claims, { taskStore: call as never })).toMatchObject({
    ...{ durable: true, find: true, polls: false, tasks: true },
  });
});
