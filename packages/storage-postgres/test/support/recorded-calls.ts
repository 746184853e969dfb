import {
  ACCESS_STORE,
  AUDIT_STORE,
  decorateStore,
  type InstanceStore,
  MOVE_STORE,
  PARTITION_STORE,
  type PortMembers,
  QUEUE_STORE,
  RATE_STORE,
  SCHEDULE_STORE,
  STORAGE_BACKEND,
  TASK_STORE,
} from '@querator/core';
import type { PostgresBackend } from '../../src/postgres-backend.ts';

const INSTANCE_STORE: PortMembers<InstanceStore> = { beat: true, remove: true, watchUnrecorded: true };

/** Members of a backend that are no calls of the database. */
const OTHERS = [
  ...['backend.name', 'backend.capabilities', 'backend.signals', 'backend.close', 'partition.transferTarget'],
];

/** A backend that records which calls of its ports were made. */
export interface RecordedCalls {
  readonly backend: PostgresBackend;
  /** The calls that were not made: a call that a port gets later belongs in the test too. */
  readonly missing: () => readonly string[];
}

/** Records the calls of a backend and of all its stores. */
export function recordCalls(inner: PostgresBackend): RecordedCalls {
  const expected = new Set<string>();
  const made = new Set<string>(OTHERS);
  const record = <Port extends object>(port: string, members: PortMembers<Port>, store: Port): Port => {
    for (const member of Object.keys(members)) expected.add(`${port}.${member}`);
    return decorateStore(members, store, (member, call) => (...args) => {
      made.add(`${port}.${member}`);
      return call(...args);
    });
  };
  const queues = record('queues', QUEUE_STORE, inner.queueStore());
  const access = record('access', ACCESS_STORE, inner.accessStore());
  const audit = record('audit', AUDIT_STORE, inner.auditStore());
  const schedules = record('schedules', SCHEDULE_STORE, inner.scheduleStore());
  const instances = record('instances', INSTANCE_STORE, inner.instanceStore());
  const tasks = record('tasks', TASK_STORE, inner.taskStore());
  const rates = record('rates', RATE_STORE, inner.rateStore());
  const backend: PostgresBackend = {
    ...(record('backend', STORAGE_BACKEND, inner) as PostgresBackend),
    queueStore: () => queues,
    accessStore: () => access,
    auditStore: () => audit,
    instanceStore: () => instances,
    taskStore: () => tasks,
    rateStore: () => rates,
    scheduleStore: () => schedules,
    partitionStore: (key, owner) => record('partition', PARTITION_STORE, inner.partitionStore(key, owner)),
    moveStore: (key, owner) => record('move', MOVE_STORE, inner.moveStore(key, owner)),
  };
  for (const store of [
    'queue',
    'access',
    'audit',
    'instance',
    'schedule',
    'task',
    'rate',
    'partition',
    'move',
  ]) {
    made.add(`backend.${store}Store`);
  }
  return { backend, missing: () => [...expected].filter((call) => !made.has(call)) };
}
