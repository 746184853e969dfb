import {
  checkNamespaceName,
  errorText,
  invalid,
  isBlank,
  LIMITS,
  type PartitionPlacement,
  type Queue,
  type QueueSettings,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import { checkDeadQueueName } from '../rules/dead-queue-rules.ts';
import { checkQueueName } from '../rules/name-rules.ts';
import { checkQueueSettings, parseTimeouts } from '../rules/queue-setting-rules.ts';
import { checkText, pageLimit } from '../rules/request-rules.ts';
import { type Page, queuesPage } from './page.ts';

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

export interface ListQueuesCall {
  /** Empty: the system namespace. */
  readonly namespace: string;
  /** The page starts with this name; empty: from the first. */
  readonly pivot: string;
  /** 0: 1,000. At most 65,536. */
  readonly limit: number;
}

/**
 * Creates, lists, changes and deletes queues. Each method checks its request in
 * the documented order, and throws at the first error.
 *
 * All methods throw QueueError: `failed` during shutdown, `invalid` for an
 * invalid request.
 */
export class QueuesService {
  readonly #manager: QueueManager;

  constructor(manager: QueueManager) {
    this.#manager = manager;
  }

  /**
   * Creates a queue.
   *
   * @param partitions their placement; undefined: placed by affinity.
   */
  async create(call: QueueCall, partitions?: readonly PartitionPlacement[]): Promise<Queue> {
    const { queueName: name, deadQueue, maxAttempts, reference, requestedPartitions } = call;
    checkQueueName(name);
    const timeouts = parseTimeouts(call);
    if (call.namespace !== '') checkNamespaceName(call.namespace);
    this.#manager.checkRunning();
    return this.#manager.changing(name, deadQueue, async () => {
      if (await this.#manager.isTaken(name))
        throw invalid(errorText`invalid queue; '${name}' already exists`);
      await this.#manager.checkDeadQueue(name, deadQueue);
      const settings = { deadQueue, maxAttempts, reference, requestedPartitions, ...timeouts };
      checkQueueSettings(settings);
      const namespace = call.namespace || SYSTEM_NAMESPACE;
      return this.#manager.create({ name, namespace, partitions, ...settings });
    });
  }

  /** The queues of {@link page}. */
  async list(call: ListQueuesCall): Promise<readonly Queue[]> {
    return (await this.page(call)).items;
  }

  /** A page of the queues of one namespace, in order of their names. */
  async page({ namespace, pivot, limit }: ListQueuesCall): Promise<Page<Queue>> {
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

  /** Changes a queue's settings. They are in force when it returns. */
  async update(call: QueueCall): Promise<Queue> {
    const { queueName: name, deadQueue, maxAttempts, reference } = call;
    checkQueueName(name);
    const timeouts = parseTimeouts(call);
    if (call.namespace !== '') checkNamespaceName(call.namespace);
    this.#manager.checkRunning();
    const merge = (stored: Queue): QueueSettings => {
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
    return this.#manager.changing(name, deadQueue, async () => {
      await this.#manager.info(name);
      checkDeadQueueName(name, deadQueue);
      return this.#manager.update(name, deadQueue, merge);
    });
  }

  /** Removes a queue with all its items. `force`: also if it is the dead-letter queue of others. */
  async delete(queueName: string, force: boolean): Promise<void> {
    checkQueueName(queueName);
    await this.#manager.delete(queueName, force);
  }
}
