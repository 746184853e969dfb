import {
  accessDenied,
  type Caller,
  checkQueueKnown,
  errorText,
  type ItemFilter,
  invalid,
  LIMITS,
  noSuchQueue,
  type Permission,
  type Queue,
  type Random,
  SYSTEM_NAMESPACE,
  TASK_PARAMETERS_BYTES,
  type Task,
  type TaskNeed,
  type TaskStore,
  unavailable,
  verbatim,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import { checkFilter, type GivenFilter } from '../rules/filter-rules.ts';
import { drainTask } from '../tasks/kinds/drain.ts';
import {
  exclusiveOn,
  type JudgeQueue,
  type JudgeServer,
  type OwnField,
  type TaskCall,
  type TaskKind,
  type TaskMove,
} from '../tasks/task-kind.ts';
import type { TaskRunner } from '../tasks/task-runner.ts';
import { readTasks, wantedTasks } from './list-tasks.ts';
import type { RequireCapability } from './pauses-service.ts';
import type { CallerOptions } from './queues-service.ts';
import { cursorOf, positionOf } from './task-cursor.ts';

/** A task to create. */
export interface CreateTaskCall extends Omit<TaskCall, 'filter'> {
  /** Undefined: all items. */
  readonly filter?: GivenFilter | undefined;
  readonly kind: string;
  /** Items a second. 0: no limit. */
  readonly rate: number;
  readonly dryRun: boolean;
}

export interface CreateTaskOptions extends CallerOptions {
  /** Judges whether a namespace may have further partitions, and runs `store` if it may. Undefined: it may. */
  readonly admitPartitions?: AdmitPartitions | undefined;
}

export type AdmitPartitions = <T>(
  size: { readonly namespace: string; readonly partitions: number },
  store: () => Promise<T>,
) => Promise<T>;

export interface ListTasksCall {
  /** Empty: every namespace in which the caller may see tasks. */
  readonly namespace: string;
  /** Empty: of every queue. */
  readonly queueName: string;
  /** Empty: of every kind. */
  readonly kind: string;
  /** A state, or `ended`: in any but `running`. Empty: in every state. */
  readonly state: string;
  /** `without` or `only`. Undefined or empty: tasks that only count are listed among the others. */
  readonly dryRuns?: string | undefined;
  /** Of the page before. Empty: the first page. */
  readonly cursor: string;
  /** 0: 100. At most 100. */
  readonly limit: number;
}

/** A task as its callers see it. */
export interface ShownTask extends Task {
  /** Undefined: all items, or this process does not know what the task takes. */
  readonly filter: ItemFilter | undefined;
  /** The queue that gets the items. Undefined: none, or where each came from. */
  readonly to: string | undefined;
  /** The partitions that it moves, wants to move, or cannot move. Empty: it moves none, or only one. */
  readonly moves: readonly TaskMove[];
}

/** A page of tasks, the newest first. */
export interface TasksPage {
  readonly items: readonly ShownTask[];
  /** Where the next page begins. Empty: no more tasks. */
  readonly cursor: string;
}

export interface TasksServiceDeps {
  readonly manager: QueueManager;
  readonly random: Random;
  /** Undefined: the storage of the queues keeps no tasks. */
  readonly store: TaskStore | undefined;
  readonly kinds: ReadonlyMap<string, TaskKind>;
  readonly runner: TaskRunner | undefined;
  readonly requireCapability: RequireCapability;
}

const ID_LENGTH = 20;

/**
 * Creates, shows and cancels tasks. Each method checks its request in the documented
 * order, and judges the permissions of the caller.
 *
 * All methods throw QueueError: `failed` during shutdown, `invalid` for an invalid
 * request, `forbidden`, `retry` if the storage keeps no tasks. They throw StorageError
 * when storage fails.
 */
export class TasksService {
  readonly #deps: TasksServiceDeps;

  constructor(deps: TasksServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Begins to work on tasks in this process. Without it, this process only stores them
   * for others. A second call has no effect.
   */
  start(): void {
    this.#deps.runner?.start();
  }

  /** Ends the work on tasks in this process, and gives them back. */
  async stop(): Promise<void> {
    await this.#deps.runner?.stop();
  }

  /** The kinds of tasks that can be created. */
  get kinds(): readonly string[] {
    return [...this.#deps.kinds.keys()];
  }

  /** The number of tasks that this process works on, by kind. */
  running(): ReadonlyMap<string, number> {
    return this.#deps.runner?.running() ?? new Map();
  }

  /**
   * Stores the task that drains a storage for as long as a server is configured to.
   *
   * @throws QueueError `retry` also if one runs.
   */
  async createDrain(storage: string): Promise<void> {
    const { random, runner } = this.#deps;
    const { parameters, exclusive } = drainTask({ storage, force: false, atOnce: 0, whileWanted: true });
    const needs = [{ permission: 'queue.update', namespace: SYSTEM_NAMESPACE }] as const;
    await this.#store().create({
      ...{ id: random.base62(ID_LENGTH), kind: 'drain', version: 1, queue: '', namespace: SYSTEM_NAMESPACE },
      ...{ parameters, exclusive, needs, createdBy: '', rate: undefined, dryRun: false },
    });
    runner?.wake();
  }

  /** Stores a task. Any process that can run it begins at once. @throws QueueError also `retry` if too many run. */
  async create(
    call: CreateTaskCall,
    { caller, audit, admitPartitions }: CreateTaskOptions = {},
  ): Promise<ShownTask> {
    const store = this.#store();
    const { kinds, random, runner, requireCapability } = this.#deps;
    const kind = kinds.get(call.kind);
    if (kind === undefined) {
      const known = [...kinds.keys()].map((name) => `'${name}'`).join(', ');
      throw invalid(errorText`kind is invalid; '${call.kind}' is not one of ${known}`);
    }
    checkRate(call.rate);
    const filter = call.filter && checkFilter(call.filter);
    const needs: TaskNeed[] = [];
    checkOwnFields(call, kind.takes);
    const judge: JudgeQueue = async (permission, queueName, where = 'namespace') => {
      const queue = await this.#judge(caller, permission, queueName, where);
      needs.push({ permission, namespace: where === 'system' ? SYSTEM_NAMESPACE : queue.namespace });
      return queue;
    };
    const judgeServer: JudgeServer = (permission) => {
      if (!may(caller, permission, SYSTEM_NAMESPACE)) throw accessDenied();
      needs.push({ permission, namespace: SYSTEM_NAMESPACE });
    };
    const prepared = await kind.prepare({ ...call, filter }, judge, judgeServer);
    const { queue, parameters, addsPartitions = 0 } = prepared;
    const exclusive = kind.structural && queue !== undefined ? exclusiveOn(queue.name) : prepared.exclusive;
    if (JSON.stringify(parameters).length > TASK_PARAMETERS_BYTES) {
      throw invalid(
        errorText`filter is invalid; a task keeps at most ${TASK_PARAMETERS_BYTES} bytes of it`,
        'too_large',
      );
    }
    if (kind.capability !== undefined) await requireCapability(kind.capability);
    const id = random.base62(ID_LENGTH);
    audit?.add({ id });
    const create = () =>
      store.create(
        {
          ...{ id, kind: kind.kind, version: prepared.version ?? kind.version, parameters, needs },
          ...{ queue: queue?.name ?? '', namespace: queue?.namespace ?? SYSTEM_NAMESPACE },
          exclusive,
          createdBy: caller?.principal.username ?? '',
          rate: call.rate === 0 ? undefined : call.rate,
          dryRun: call.dryRun,
        },
        audit?.storedEvent,
      );
    const size = { namespace: queue?.namespace ?? '', partitions: addsPartitions };
    const task = await (addsPartitions > 0 && !call.dryRun && admitPartitions
      ? admitPartitions(size, create)
      : create());
    runner?.wake();
    return this.#shown(task, caller);
  }

  /** A task that the caller may see. */
  async get(id: string, { caller }: CallerOptions = {}): Promise<ShownTask> {
    const task = await this.#find(id, 'queue.stats', caller);
    if (!may(caller, 'queue.stats', task.namespace)) throw accessDenied();
    return this.#shown(task, caller);
  }

  /** A page of the tasks that the caller may see, the newest first. */
  async list(call: ListTasksCall, { caller }: CallerOptions = {}): Promise<TasksPage> {
    const store = this.#store();
    const { namespace, queueName, kind, limit } = call;
    if (namespace !== '' && !may(caller, 'queue.stats', namespace)) throw accessDenied();
    if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
    if (limit > LIMITS.taskPage) {
      throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.taskPage}`);
    }
    const after = positionOf(call.cursor);
    const { state, isWanted } = wantedTasks(call);
    const request = {
      namespaces: namespace === '' ? await this.#visible(store, caller) : [namespace],
      queue: queueName || undefined,
      kind: kind || undefined,
      state,
    };
    const { tasks, next } = await readTasks(store, request, {
      after,
      most: limit || LIMITS.taskPage,
      isWanted,
    });
    const items = tasks.map((task) => this.#shown(task, caller));
    return { items, cursor: next === undefined ? '' : cursorOf(next) };
  }

  /**
   * Asks for the end of a task. It has ended when it is shown as `cancelled`, which
   * takes a second. It has no effect on a task that has ended. The caller needs the
   * permissions that its creator needed.
   */
  async cancel(id: string, { caller, audit }: CallerOptions = {}): Promise<ShownTask> {
    const found = await this.#find(id, 'queue.clear', caller);
    for (const { permission, namespace } of found.needs) {
      if (!may(caller, permission, namespace)) throw accessDenied();
    }
    const { namespace, queue, kind } = found;
    audit?.add({ named: { namespace, queue, kind } });
    const task = await this.#store().requestCancel(id, audit?.storedEvent);
    if (task === undefined) throw noSuchTask(id);
    this.#deps.runner?.wake();
    return this.#shown(task, caller);
  }

  /** A task of a later version, or of a kind that this process does not know, is shown without what it takes. */
  #shown(task: Task, caller: Caller | undefined): ShownTask {
    const kind = this.#deps.kinds.get(task.kind);
    const isKnown = kind !== undefined && task.version <= kind.version;
    const asked = isKnown ? kind.askedFor?.(task) : undefined;
    const moves = (kind?.version === task.version && kind.movesOf?.(task)) || [];
    if (asked === undefined) return { ...task, filter: undefined, to: undefined, moves };
    // Knowing the id of a leased item is enough to complete it.
    const hidden = may(caller, 'queue.complete', task.namespace)
      ? {}
      : { ids: undefined, firstId: undefined };
    const filter = { ...asked.filter, ...hidden };
    const isAll = Object.values(asked.filter).every((condition) => condition === undefined);
    // The names of queues in other namespaces are not shown.
    const seesTarget = task.needs.every(
      ({ permission, namespace }) =>
        may(caller, 'queue.stats', namespace) || may(caller, permission, namespace),
    );
    return { ...task, filter: isAll ? undefined : filter, to: seesTarget ? asked.to : undefined, moves };
  }

  /**
   * A task. To a caller without the permission in the system namespace, a task of another
   * namespace and a missing task are the same.
   */
  async #find(id: string, permission: Permission, caller: Caller | undefined): Promise<Task> {
    const store = this.#store();
    if (id === '') throw invalid('id is invalid; cannot be empty');
    const task = ID.test(id) ? await store.get(id) : undefined;
    if (task !== undefined) return task;
    throw isTrusted(caller, permission) ? noSuchTask(id) : accessDenied();
  }

  /** The namespaces in which a caller may see tasks. Undefined: all. */
  async #visible(store: TaskStore, caller: Caller | undefined): Promise<readonly string[] | undefined> {
    if (caller === undefined) return undefined;
    const namespaces = await store.namespaces();
    return namespaces.filter((namespace) => may(caller, 'queue.stats', namespace));
  }

  /**
   * A queue on which the caller has a permission. To a caller without it in the system
   * namespace, a queue of another namespace and a missing queue are the same.
   */
  async #judge(
    caller: Caller | undefined,
    permission: Permission,
    name: string,
    where: 'namespace' | 'system',
  ): Promise<Queue> {
    checkQueueKnown(name);
    if (where === 'system' && !may(caller, permission, SYSTEM_NAMESPACE)) throw accessDenied();
    const queue = await this.#deps.manager.find(name);
    if (queue === undefined) throw isTrusted(caller, permission) ? noSuchQueue(name) : accessDenied();
    if (where === 'namespace' && !may(caller, permission, queue.namespace)) throw accessDenied();
    return queue;
  }

  #store(): TaskStore {
    this.#deps.manager.checkRunning();
    const { store } = this.#deps;
    if (store === undefined)
      throw unavailable('retry', 'tasks are unavailable; the storage of the queues keeps none');
    return store;
  }
}

const ID = /^[0-9A-Za-z]{1,64}$/;

/** Whether the caller has the permission in every namespace, so that it may know what exists. */
function isTrusted(caller: Caller | undefined, permission: Permission): boolean {
  if (caller === undefined) return true;
  return caller.principal.namespaceScope === '' && caller.may(permission, SYSTEM_NAMESPACE);
}

function may(caller: Caller | undefined, permission: Permission, namespace: string): boolean {
  return caller === undefined || caller.may(permission, namespace);
}

function noSuchTask(id: string): Error {
  return invalid(errorText`task does not exist; no such task '${id}'`, 'no_such_record');
}

/** The names of the fields that only some kinds take, as callers know them. */
const OWN_FIELDS: Readonly<Record<OwnField, string>> = {
  storageName: 'storage_name',
  partition: 'partition',
  force: 'force',
  atOnce: 'at_once',
  partitions: 'partitions',
};

/** @param takes those that the kind takes. */
function checkOwnFields(call: CreateTaskCall, takes: readonly OwnField[] = []): void {
  for (const [field, name] of Object.entries(OWN_FIELDS) as [OwnField, string][]) {
    if (takes.includes(field) || !call[field]) continue;
    throw invalid(errorText`${verbatim(name)} is invalid; a task of the kind '${call.kind}' takes none`);
  }
}

function checkRate(rate: number): void {
  if (rate < 0) throw invalid('rate is invalid; cannot be negative number');
  if (rate > LIMITS.taskRate)
    throw invalid(errorText`rate is invalid; cannot be greater than ${LIMITS.taskRate}`);
}
