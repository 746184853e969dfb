import {
  accessDenied,
  type CallAudit,
  type Caller,
  checkNamespaceName,
  checkQueueName,
  checkText,
  errorText,
  type Instant,
  invalid,
  isBlank,
  LIMITS,
  noSuchNamespace,
  type PartitionPlacement,
  type Permission,
  type Queue,
  type QueueSettings,
  type QueueStore,
  queueExists,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import { checkDeadQueueName, checkStoredDeadQueue } from '../rules/dead-queue-rules.ts';
import { checkQueueSettings, parseTimeouts } from '../rules/queue-setting-rules.ts';
import { pageLimit } from '../rules/request-rules.ts';
import { type Page, queuesPage } from './page.ts';
import { QueueVisibility } from './queue-visibility.ts';

/** The queue to create, or the settings to update. */
export interface QueueCall {
  readonly queueName: string;
  /** Empty: the system namespace. An update ignores it. */
  readonly namespace: string;
  /** In Go's syntax: `1m30s`. In an update, empty keeps what is set. */
  readonly leaseTimeout: string;
  readonly expireTimeout: string;
  /** Empty: none. An update then removes the dead-letter queue. */
  readonly deadQueue: string;
  /** 0: no limit, also in an update. */
  readonly maxAttempts: number;
  readonly reference: string;
  /** In an update, 0 keeps the setting. An update never changes the number of partitions. */
  readonly requestedPartitions: number;
}

export interface UpdateQueueCall extends QueueCall {
  /** Only if the queue has not changed since it had this `updatedAt`. Undefined: in any case. */
  readonly ifUpdatedAt?: Instant | undefined;
}

export interface ListQueuesCall {
  /** Empty: the system namespace. */
  readonly namespace: string;
  /** The page starts with this name; empty: from the first. */
  readonly pivot: string;
  /** 0: 1,000. At most 65,536. */
  readonly limit: number;
}

/** Who makes a call, and its audit. */
export interface CallerOptions {
  /** Undefined: somebody who may do everything. */
  readonly caller?: Caller | undefined;
  /** Gets what the call changes. Undefined: the call is not audited. */
  readonly audit?: CallAudit | undefined;
}

/** A queue that is about to be stored. */
export interface NewQueueSize {
  readonly namespace: string;
  readonly partitions: number;
}

export interface CreateOptions extends CallerOptions {
  /**
   * Stores the queue by calling `store`, or refuses it. Called once everything else
   * about the queue was checked. Undefined: the queue is stored.
   */
  readonly admit?: ((size: NewQueueSize, store: () => Promise<Queue>) => Promise<Queue>) | undefined;
  /** Where the partitions are stored. Undefined: chosen by affinity. */
  readonly partitions?: readonly PartitionPlacement[] | undefined;
}

export interface DeleteOptions extends CallerOptions {
  /** Delete the queue only if it holds no items. Default: false. */
  readonly onlyEmpty?: boolean | undefined;
}

/** Whether a namespace exists. */
export type HasNamespace = (name: string) => Promise<boolean>;

/**
 * Creates, lists, changes and deletes queues. Each method checks its request in
 * the documented order, and throws at the first error.
 *
 * All methods throw QueueError: `failed` during shutdown, `invalid` for an
 * invalid request. The permissions for `info`, `update` and `delete` are judged
 * by whoever calls them, as those of the calls on one queue.
 */
export class QueuesService {
  readonly #manager: QueueManager;
  readonly #store: Pick<QueueStore, 'get' | 'findByDeadQueue'>;
  readonly #visibility: QueueVisibility;
  readonly #hasNamespace: HasNamespace | undefined;

  /** @param deps `hasNamespace` undefined: queues may be in any namespace. */
  constructor(deps: {
    readonly manager: QueueManager;
    readonly store: Pick<QueueStore, 'get' | 'findByDeadQueue'>;
    readonly hasNamespace: HasNamespace | undefined;
  }) {
    const { manager, store, hasNamespace } = deps;
    this.#manager = manager;
    this.#store = store;
    this.#hasNamespace = hasNamespace;
    this.#visibility = new QueueVisibility((name) => manager.find(name));
  }

  /**
   * Creates a queue.
   *
   * @throws QueueError also `forbidden`; `failed` if the namespace does not exist.
   */
  async create(call: QueueCall, { partitions, caller, audit, admit }: CreateOptions = {}): Promise<Queue> {
    const { queueName: name, deadQueue, maxAttempts, reference, requestedPartitions } = call;
    checkQueueName(name);
    const timeouts = parseTimeouts(call);
    if (call.namespace !== '') checkNamespaceName(call.namespace);
    const namespace = call.namespace || SYSTEM_NAMESPACE;
    checkPermission(caller, 'queue.create', namespace);
    const hasNamespace = namespace === SYSTEM_NAMESPACE ? undefined : this.#hasNamespace;
    if (hasNamespace !== undefined && !(await hasNamespace(namespace))) throw noSuchNamespace(namespace);
    this.#manager.checkRunning();
    return this.#visibility.hidingNames(caller, () =>
      this.#manager.changing(name, deadQueue, async () => {
        if (await this.#manager.isTaken(name)) throw queueExists(name);
        checkDeadQueueName(name, deadQueue);
        await this.#visibility.checkDeadQueue(deadQueue, namespace, caller);
        await checkStoredDeadQueue(this.#store, name, deadQueue);
        const settings = { deadQueue, maxAttempts, reference, requestedPartitions, ...timeouts };
        checkQueueSettings(settings);
        const namespaceMustExist = hasNamespace !== undefined;
        const queue = { name, namespace, partitions, ...settings, namespaceMustExist };
        const store = () => this.#manager.create(queue, audit);
        if (admit === undefined) return store();
        // A queue that is not active here exists too, which is said first.
        if ((await this.#manager.find(name)) !== undefined) throw queueExists(name);
        return admit({ namespace, partitions: partitions?.length ?? requestedPartitions }, store);
      }),
    );
  }

  /** The queues of {@link page}. */
  async list(call: ListQueuesCall, options: CallerOptions = {}): Promise<readonly Queue[]> {
    return (await this.page(call, options)).items;
  }

  /** A page of the queues of one namespace, in order of their names. @throws QueueError also `forbidden`. */
  async page(
    { namespace, pivot, limit }: ListQueuesCall,
    { caller }: CallerOptions = {},
  ): Promise<Page<Queue>> {
    checkPermission(caller, 'queue.list', namespace || SYSTEM_NAMESPACE);
    this.#manager.checkRunning();
    if (limit > LIMITS.listPage)
      throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.listPage}`);
    const most = pageLimit(limit);
    if (pivot.includes('~'))
      throw invalid(errorText`pivot is invalid; '${pivot}' cannot contain '~' character`);
    checkText('pivot', pivot);
    checkText('namespace', namespace);
    return queuesPage((part) => this.#manager.list({ namespace: namespace || SYSTEM_NAMESPACE, ...part }), {
      pivot: isBlank(pivot) ? '' : pivot,
      limit: most,
    });
  }

  /** The stored settings of a queue. */
  async info(queueName: string): Promise<Queue> {
    this.#manager.checkRunning();
    return this.#manager.info(queueName);
  }

  /**
   * Changes a queue's settings. They are in force when it returns.
   *
   * @throws QueueError also `invalid` with the reason `changed`, if the queue is not as `ifUpdatedAt` says.
   */
  async update(call: UpdateQueueCall, { caller, audit }: CallerOptions = {}): Promise<Queue> {
    const { queueName: name, deadQueue, maxAttempts, reference } = call;
    checkQueueName(name);
    const timeouts = parseTimeouts(call);
    if (call.namespace !== '') checkNamespaceName(call.namespace);
    this.#manager.checkRunning();
    const merge = (stored: Queue): QueueSettings => {
      if (call.ifUpdatedAt !== undefined && stored.updatedAt !== call.ifUpdatedAt) throw changedQueue(name);
      const settings = {
        deadQueue,
        maxAttempts,
        reference,
        requestedPartitions: call.requestedPartitions || stored.requestedPartitions,
        leaseTimeout: timeouts.leaseTimeout || stored.leaseTimeout,
        expireTimeout: timeouts.expireTimeout || stored.expireTimeout,
      };
      checkQueueSettings(settings);
      return settings;
    };
    return this.#visibility.hidingNames(caller, () =>
      this.#manager.changing(name, deadQueue, async () => {
        const { namespace } = await this.#manager.info(name);
        checkDeadQueueName(name, deadQueue);
        await this.#visibility.checkDeadQueue(deadQueue, namespace, caller);
        return this.#manager.update(name, deadQueue, merge, audit);
      }),
    );
  }

  /**
   * Removes a queue with all its items. `force`: also if it is the dead-letter queue of others.
   *
   * @throws QueueError also `retry` when storage fails; with `onlyEmpty`, `invalid`
   *   with the reason `not_empty` if it holds items, and `retry` if they cannot be
   *   counted in `changeWaitMs`.
   */
  async delete(
    queueName: string,
    force: boolean,
    { caller, audit, onlyEmpty = false }: DeleteOptions = {},
  ): Promise<void> {
    checkQueueName(queueName);
    const rules = { force, onlyEmpty, audit };
    await this.#visibility.hidingNames(caller, () => this.#manager.delete(queueName, rules));
  }
}

function changedQueue(name: string): Error {
  return invalid(errorText`queue has changed; '${name}' is not as it was at 'if_updated_at'`, 'changed');
}

function checkPermission(caller: Caller | undefined, permission: Permission, namespace: string): void {
  if (caller?.may(permission, namespace) === false) throw accessDenied();
}
