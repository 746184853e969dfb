import {
  ACCESS_STORE,
  type AccessStore,
  AUDIT_STORE,
  type AuditStore,
  type Clock,
  decorateStore,
  type Instant,
  invariant,
  MOVE_STORE,
  type MoveStore,
  millisecondsBetween,
  PARTITION_STORE,
  type PartitionStore,
  type PortCall,
  type PortMembers,
  QUEUE_STORE,
  type QueueStore,
  RATE_STORE,
  type RateStore,
  SCHEDULE_STORE,
  type ScheduleStore,
  STORAGE_BACKEND,
  type StorageBackend,
  StorageError,
  TASK_STORE,
  type TaskStore,
} from '@querator/core';
import { Histogram, type Registry } from 'prom-client';

/** In seconds, from a read of memory to the longest time limit of a driver. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * The `operation` label of each method; one that is missing does not compile.
 * Labels outlive method names: dashboards refer to them.
 */
const PARTITION_LABELS: Readonly<Record<keyof PartitionStore, string>> = {
  produce: 'produce',
  produceAndLease: 'produceAndLease',
  produceKeyed: 'produceKeyed',
  produceKeyedAndLease: 'produceKeyedAndLease',
  produceFromOutbox: 'produceFromOutbox',
  sweepKeys: 'sweepKeys',
  countKeys: 'countKeys',
  readKeys: 'readKeys',
  storeKeys: 'storeKeys',
  lease: 'lease',
  release: 'release',
  complete: 'complete',
  extend: 'extend',
  retry: 'retry',
  list: 'list',
  find: 'find',
  stats: 'stats',
  probe: 'probe',
  import: 'import',
  importKeyed: 'importKeyed',
  delete: 'delete',
  deleteSeen: 'delete',
  makeDue: 'makeDue',
  lastId: 'lastId',
  deleteEach: 'deleteEach',
  clear: 'clear',
  sweep: 'sweep',
  markMoved: 'markMoved',
  remove: 'remove',
  prepareLetters: 'holdLetters',
  commitLetters: 'deliverLetters',
  abortLetters: 'withdrawLetters',
  findLetters: 'findLetters',
  transfer: 'transfer',
  transferTarget: 'transferTarget',
  takeItems: 'takeItems',
  takenItems: 'takenItems',
  markTaken: 'markTaken',
  returnTaken: 'returnTaken',
  removeTaken: 'removeTaken',
  untilDroppable: 'untilDroppable',
  dropEmpty: 'drop',
  drop: 'drop',
};
const QUEUE_LABELS: Readonly<Record<keyof QueueStore, string>> = {
  create: 'queues_create',
  get: 'queues_get',
  stamps: 'queues_stamps',
  list: 'queues_list',
  update: 'queues_update',
  pause: 'queues_pause',
  place: 'queues_place',
  resize: 'queues_resize',
  beginDelete: 'queues_beginDelete',
  close: 'queues_close',
  delete: 'queues_delete',
  wasDeleted: 'queues_wasDeleted',
  forgetDeletion: 'queues_forgetDeletion',
  partitionCounts: 'queues_partitionCounts',
  findByDeadQueue: 'queues_findByDeadQueue',
};
const ACCESS_LABELS: Readonly<Record<keyof AccessStore, string>> = {
  namespace: 'access_namespace',
  namespaces: 'access_namespaces',
  user: 'access_user',
  userNamed: 'access_userNamed',
  users: 'access_users',
  apiKey: 'access_apiKey',
  apiKeys: 'access_apiKeys',
  role: 'access_role',
  roles: 'access_roles',
  binding: 'access_binding',
  bindings: 'access_bindings',
  bindingsOf: 'access_bindingsOf',
  quota: 'access_quota',
  quotas: 'access_quotas',
  change: 'access_change',
  generation: 'access_generation',
  grants: 'access_grants',
  noteUses: 'access_noteUses',
  sessionKey: 'access_sessionKey',
};

const AUDIT_LABELS: Readonly<Record<keyof AuditStore, string>> = {
  append: 'audit_append',
  list: 'audit_list',
  prune: 'audit_prune',
};

const SCHEDULE_LABELS: Readonly<Record<keyof ScheduleStore, string>> = {
  create: 'schedules_create',
  list: 'schedules_list',
  update: 'schedules_update',
  delete: 'schedules_delete',
  claim: 'schedules_claim',
  settle: 'schedules_settle',
};

const TASK_LABELS: Readonly<Record<keyof TaskStore, string>> = {
  create: 'tasks_create',
  get: 'tasks_get',
  namespaces: 'tasks_namespaces',
  list: 'tasks_list',
  claim: 'tasks_claim',
  save: 'tasks_save',
  requestCancel: 'tasks_cancel',
  end: 'tasks_end',
  release: 'tasks_release',
};

const RATE_LABELS: Readonly<Record<keyof RateStore, string>> = { add: 'rates_add', read: 'rates_read' };

const MOVE_LABELS: Readonly<Record<keyof MoveStore, string>> = {
  begin: 'moves_begin',
  resume: 'moves_resume',
  readItems: 'moves_readItems',
  readKeys: 'moves_readKeys',
  readChanges: 'moves_readChanges',
  settleChanges: 'moves_settleChanges',
  close: 'moves_close',
  reopen: 'moves_reopen',
  leave: 'moves_leave',
  write: 'moves_write',
  empty: 'moves_empty',
  open: 'moves_open',
  beginLeaving: 'moves_beginLeaving',
  readmit: 'moves_readmit',
  fenceKeys: 'moves_fenceKeys',
  end: 'moves_end',
};

/** Measures the calls of storages. */
export class StorageMetrics {
  readonly #clock: Clock;
  readonly #duration: Histogram<'storage' | 'operation' | 'result'>;

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    this.#duration = new Histogram({
      name: 'querator_storage_duration_seconds',
      help: 'How long calls to a storage took, those on queues as queues_*, on access as access_*, on audit events as audit_*, on schedules as schedules_*, on tasks as tasks_*, on rates as rates_*, on moves of partitions as moves_*',
      labelNames: ['storage', 'operation', 'result'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** Decorates a storage to measure its calls. @param name for the label. */
  measure(backend: StorageBackend, name = backend.name): StorageBackend {
    const queueStore = this.#measureAll(QUEUE_STORE, backend.queueStore(), QUEUE_LABELS, name);
    const access = backend.accessStore?.();
    const accessStore = access && this.#measureAll(ACCESS_STORE, access, ACCESS_LABELS, name);
    const audit = backend.auditStore?.();
    const auditStore = audit && this.#measureAll(AUDIT_STORE, audit, AUDIT_LABELS, name);
    const schedules = backend.scheduleStore?.();
    const scheduleStore = schedules && this.#measureAll(SCHEDULE_STORE, schedules, SCHEDULE_LABELS, name);
    const tasks = backend.taskStore?.();
    const taskStore = tasks && this.#measureAll(TASK_STORE, tasks, TASK_LABELS, name);
    const rates = backend.rateStore?.();
    const rateStore = rates && this.#measureAll(RATE_STORE, rates, RATE_LABELS, name);
    const partitionStore: StorageBackend['partitionStore'] = (key, owner) =>
      this.#measureAll(PARTITION_STORE, backend.partitionStore(key, owner), PARTITION_LABELS, name);
    const moveStore: Required<StorageBackend>['moveStore'] = (key, owner) => {
      const store = backend.moveStore?.(key, owner);
      invariant(store !== undefined, 'only a method that the backend has is decorated');
      return this.#measureAll(MOVE_STORE, store, MOVE_LABELS, name);
    };
    return decorateStore(STORAGE_BACKEND, backend, (member, call) => {
      switch (member) {
        case 'queueStore':
          return () => queueStore;
        case 'accessStore':
          return () => accessStore;
        case 'auditStore':
          return () => auditStore;
        case 'scheduleStore':
          return () => scheduleStore;
        case 'taskStore':
          return () => taskStore;
        case 'rateStore':
          return () => rateStore;
        case 'partitionStore':
          return partitionStore;
        case 'moveStore':
          return moveStore;
        case 'ping':
          return this.#measured(name, 'ping', call);
        case 'poll':
          // The first name of the method, which dashboards know.
          return this.#measured(name, 'glance', call);
        default:
          return call;
      }
    });
  }

  #measureAll<Store extends object>(
    members: PortMembers<Store>,
    store: Store,
    labels: Readonly<Record<keyof Store & string, string>>,
    storage: string,
  ): Store {
    return decorateStore(members, store, (member, call) => this.#measured(storage, labels[member], call));
  }

  #measured(storage: string, operation: string, call: PortCall): PortCall {
    return (...args) => this.#timed(storage, operation, () => call(...args) as Promise<unknown>);
  }

  async #timed<T>(storage: string, operation: string, call: () => Promise<T>): Promise<T> {
    const start = this.#clock.now();
    try {
      const result = await call();
      this.#observe(start, { storage, operation, result: 'ok' });
      return result;
    } catch (error) {
      const gaveUp = error instanceof StorageError && error.gaveUp;
      this.#observe(start, { storage, operation, result: gaveUp ? 'given-up' : 'failed' });
      throw error;
    }
  }

  #observe(start: Instant, labels: { storage: string; operation: string; result: string }): void {
    // The clock may step backwards.
    const seconds = Math.max(millisecondsBetween(start, this.#clock.now()), 0) / 1_000;
    this.#duration.observe(labels, seconds);
  }
}
