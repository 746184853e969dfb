import { expect, test } from 'vitest';
import { UNSET_INSTANT } from '../time/instant.ts';
import type { AccessStore } from './access-store.ts';
import type { AuditStore } from './audit-store.ts';
import {
  ACCESS_STORE,
  AUDIT_STORE,
  decorateStore,
  MOVE_STORE,
  makeStore,
  PARTITION_STORE,
  QUEUE_STORE,
  RATE_STORE,
  SCHEDULE_STORE,
  STORAGE_BACKEND,
  TASK_STORE,
} from './decorate-store.ts';
import type { MoveStore } from './move-store.ts';
import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';
import type { RateStore } from './rate-store.ts';
import type { ScheduleStore } from './schedule-store.ts';
import type { StorageBackend } from './storage-backend.ts';
import type { TaskStore } from './task-store.ts';

const NOBODY = { now: UNSET_INSTANT, instances: [], unrecorded: [] };

/** A store whose methods return their names. */
function namesOf<Port extends object>(members: Readonly<Record<keyof Port & string, true>>): Port {
  return makeStore<Port>(members, (member) => () => member);
}

/** The results of all methods of a store. */
function callAll(store: object): unknown[] {
  return Object.values(store).map((call: () => unknown) => call());
}

test.each([
  ['partition store', PARTITION_STORE],
  ['queue store', QUEUE_STORE],
  ['access store', ACCESS_STORE],
  ['audit store', AUDIT_STORE],
  ['schedule store', SCHEDULE_STORE],
])('wraps every method of a %s, optional ones included', (_, members: Readonly<Record<string, true>>) => {
  const store = namesOf<PartitionStore & QueueStore & AccessStore>(members as never);
  const wrapped = decorateStore(members as never, store, (member, call) => () => `${member}: ${call()}`);
  expect(callAll(wrapped)).toEqual(Object.keys(members).map((member) => `${member}: ${member}`));
});

test('an optional member that the store lacks stays absent', () => {
  const { produceAndLease: _, untilDroppable: __, ...store } = namesOf<PartitionStore>(PARTITION_STORE);
  const wrapped = decorateStore<PartitionStore>(PARTITION_STORE, store, (_member, call) => call);
  expect(Object.keys(wrapped)).toEqual(Object.keys(store));
});

test('keeps the properties of a backend, and calls methods on the backend itself', async () => {
  class Backend {
    readonly name = 'inner';
    readonly capabilities = { durable: true, shared: false };
    readonly signals = { listening: false, publish() {}, subscribe: () => () => {} };
    async ping() {
      return [{ kind: 'missing-right', text: this.name }] as const;
    }
    async poll() {
      return [];
    }
    async measure() {
      return [];
    }
    async countSmall() {
      return [];
    }
    async now() {
      return UNSET_INSTANT;
    }
    async hasOutbox() {
      return false;
    }
    queueStore = () => namesOf<QueueStore>(QUEUE_STORE);
    accessStore = () => namesOf<AccessStore>(ACCESS_STORE);
    instanceStore = () => ({ beat: async () => NOBODY, remove: async () => {} });
    auditStore = () => namesOf<AuditStore>(AUDIT_STORE);
    taskStore = () => namesOf<TaskStore>(TASK_STORE);
    rateStore = () => namesOf<RateStore>(RATE_STORE);
    scheduleStore = () => namesOf<ScheduleStore>(SCHEDULE_STORE);
    partitionStore = () => namesOf<PartitionStore>(PARTITION_STORE);
    moveStore = () => namesOf<MoveStore>(MOVE_STORE);
    async close() {}
  }
  const calls: string[] = [];
  const inner = new Backend();
  const wrapped = decorateStore<StorageBackend>(STORAGE_BACKEND, inner, (member, call) => (...args) => {
    calls.push(member);
    return call(...args);
  });
  expect(await wrapped.ping()).toMatchObject([{ text: 'inner' }]);
  expect(wrapped).toMatchObject({ name: 'inner', capabilities: inner.capabilities, signals: inner.signals });
  expect(Object.keys(wrapped).sort()).toEqual(Object.keys(STORAGE_BACKEND).sort());
  expect(calls).toEqual(['ping']);
});
