import type { AccessReads, AccessStore } from './access-store.ts';
import type { AuditStore } from './audit-store.ts';
import type { MoveStore } from './move-store.ts';
import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';
import type { RateStore } from './rate-store.ts';
import type { ScheduleStore } from './schedule-store.ts';
import type { StorageBackend } from './storage-backend.ts';
import type { TaskStore } from './task-store.ts';

/** A method of a port, without its types. */
export type PortCall = (...args: never[]) => unknown;

/** The members of a port, including optional ones. A list without one of them does not compile. */
export type PortMembers<Port> = Readonly<Record<keyof Port & string, true>>;

/** All members of {@link PartitionStore}. */
export const PARTITION_STORE: PortMembers<PartitionStore> = {
  produce: true,
  produceAndLease: true,
  produceKeyed: true,
  produceKeyedAndLease: true,
  produceFromOutbox: true,
  sweepKeys: true,
  countKeys: true,
  readKeys: true,
  storeKeys: true,
  lease: true,
  release: true,
  complete: true,
  extend: true,
  retry: true,
  list: true,
  find: true,
  stats: true,
  probe: true,
  import: true,
  importKeyed: true,
  delete: true,
  deleteSeen: true,
  makeDue: true,
  lastId: true,
  deleteEach: true,
  clear: true,
  sweep: true,
  markMoved: true,
  remove: true,
  prepareLetters: true,
  commitLetters: true,
  abortLetters: true,
  findLetters: true,
  transfer: true,
  transferTarget: true,
  takeItems: true,
  takenItems: true,
  markTaken: true,
  returnTaken: true,
  removeTaken: true,
  untilDroppable: true,
  dropEmpty: true,
  drop: true,
};

/** All members of {@link QueueStore}. */
export const QUEUE_STORE: PortMembers<QueueStore> = {
  create: true,
  get: true,
  stamps: true,
  list: true,
  update: true,
  pause: true,
  place: true,
  resize: true,
  beginDelete: true,
  close: true,
  delete: true,
  wasDeleted: true,
  forgetDeletion: true,
  partitionCounts: true,
  findByDeadQueue: true,
};

/** All members of {@link AccessReads}. */
export const ACCESS_READS: PortMembers<AccessReads> = {
  namespace: true,
  namespaces: true,
  user: true,
  userNamed: true,
  users: true,
  apiKey: true,
  apiKeys: true,
  role: true,
  roles: true,
  binding: true,
  bindings: true,
  bindingsOf: true,
  quota: true,
  quotas: true,
};

/** All members of {@link AccessStore}. */
export const ACCESS_STORE: PortMembers<AccessStore> = {
  ...ACCESS_READS,
  change: true,
  generation: true,
  grants: true,
  noteUses: true,
  sessionKey: true,
};

/** All members of {@link AuditStore}. */
export const AUDIT_STORE: PortMembers<AuditStore> = {
  append: true,
  list: true,
  prune: true,
};

/** All members of {@link ScheduleStore}. */
export const SCHEDULE_STORE: PortMembers<ScheduleStore> = {
  create: true,
  list: true,
  update: true,
  delete: true,
  claim: true,
  settle: true,
};

/** All members of {@link TaskStore}. */
export const TASK_STORE: PortMembers<TaskStore> = {
  create: true,
  get: true,
  namespaces: true,
  list: true,
  claim: true,
  save: true,
  requestCancel: true,
  end: true,
  release: true,
};

/** All members of {@link RateStore}. */
export const RATE_STORE: PortMembers<RateStore> = {
  add: true,
  read: true,
};

/** All members of {@link MoveStore}. */
export const MOVE_STORE: PortMembers<MoveStore> = {
  begin: true,
  resume: true,
  readItems: true,
  readKeys: true,
  readChanges: true,
  settleChanges: true,
  close: true,
  reopen: true,
  leave: true,
  write: true,
  empty: true,
  open: true,
  beginLeaving: true,
  readmit: true,
  fenceKeys: true,
  end: true,
};

/** All members of {@link StorageBackend}. */
export const STORAGE_BACKEND: PortMembers<StorageBackend> = {
  name: true,
  capabilities: true,
  queueStore: true,
  accessStore: true,
  instanceStore: true,
  auditStore: true,
  scheduleStore: true,
  taskStore: true,
  rateStore: true,
  partitionStore: true,
  moveStore: true,
  ping: true,
  poll: true,
  measure: true,
  countSmall: true,
  hasOutbox: true,
  now: true,
  signals: true,
  close: true,
};

/**
 * Makes an object with every member of a port.
 *
 * @param make returns the member of that name; undefined leaves out an optional one.
 */
export function makeStore<Port extends object>(
  members: PortMembers<Port>,
  make: (member: keyof Port & string) => unknown,
): Port {
  const store: Partial<Record<keyof Port & string, unknown>> = {};
  for (const member of Object.keys(members) as (keyof Port & string)[]) {
    const made = make(member);
    if (made !== undefined) store[member] = made;
  }
  return store as Port;
}

/**
 * Wraps every method of a store or backend. Properties that are not methods are
 * copied, and optional members that `inner` lacks stay absent. The methods are
 * made once, so a call costs only what `wrap` adds.
 *
 * @param wrap returns the method to use instead of `call`, which is bound to `inner`.
 */
export function decorateStore<Port extends object>(
  members: PortMembers<Port>,
  inner: Port,
  wrap: (member: keyof Port & string, call: PortCall) => PortCall,
): Port {
  return makeStore(members, (member) => {
    const value: unknown = inner[member];
    return typeof value === 'function' ? wrap(member, value.bind(inner) as PortCall) : value;
  });
}
