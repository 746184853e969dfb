import {
  type CallAudit,
  type Clock,
  errorText,
  invalid,
  type Logger,
  MESSAGES,
  milliseconds,
  type PartitionStore,
  type Queue,
  QueueError,
  type QueueStore,
  type Random,
  StorageError,
  storageFailed,
  storageTooSlow,
  verbatim,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import { checkUnused } from '../rules/dead-queue-rules.ts';
import { countItems } from './item-count.ts';
import type { Placements } from './placements.ts';
import { QueueClosing } from './queue-closing.ts';

/**
 * How long no other queue may begin to use a queue as its dead-letter queue,
 * while its items are removed. A deletion that takes longer, or that failed, is
 * checked again when the settings are removed.
 */
const DELETION_TIMEOUT = milliseconds(60_000);

/** How long the event of a deletion waits for the count of its items. A count of 100,000 takes 30 ms (PostgreSQL 15, two cores). */
const AUDIT_COUNT_MS = 250;

/** After this many failures the remaining partitions are not tried. */
const MOST_FAILURES = 5;

export interface QueueDeletionDeps {
  readonly store: QueueStore;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Pick<EngineLimits, 'changeWaitMs'>;
  /** Stops the queue in this process, and prevents its activation until `ended`. */
  readonly stop: (name: string) => Promise<void>;
  /** The deletion has ended, whether it succeeded or not. */
  readonly ended: (name: string) => void;
  readonly placements: Pick<Placements, 'reachable' | 'unreachable'>;
}

/** How far a deletion goes. */
export interface DeletionRules {
  /** Delete the queue even if it is the dead-letter queue of others, or if one of its storages is not configured. */
  readonly force: boolean;
  /** Delete the queue only if it holds no items. */
  readonly onlyEmpty: boolean;
  /** Undefined: the call is not audited. */
  readonly audit?: CallAudit | undefined;
}

/** Removes queues with all their items. */
export class QueueDeletion {
  readonly #deps: QueueDeletionDeps;

  constructor(deps: QueueDeletionDeps) {
    this.#deps = deps;
  }

  /**
   * Removes a queue; see `QueueManager.delete`. Does not activate it: nothing is
   * probed or swept, and counted only for `onlyEmpty`. Call it in `changing`.
   *
   * @param queue as it is stored.
   * @throws QueueError `invalid` for a queue that is in use, cannot be reached, or
   *   holds items; `retry` when storage fails.
   */
  async run(queue: Queue, rules: DeletionRules): Promise<void> {
    try {
      await this.#run(queue, rules);
    } catch (error) {
      if (error instanceof QueueError && error.reason === 'not_empty') await this.#stayAsBefore(queue);
      throw error;
    }
  }

  async #run(queue: Queue, { force, onlyEmpty, audit }: DeletionRules): Promise<void> {
    const { store, stop, ended } = this.#deps;
    const { name, createdAt } = queue;
    const check = force ? undefined : (usedBy: string | undefined) => checkUnused(name, usedBy);
    const begin = async () => {
      if (check !== undefined) await store.beginDelete(name, createdAt, { timeout: DELETION_TIMEOUT, check });
    };
    await begin();
    this.#checkReachable(queue, force);
    if (onlyEmpty) await this.#checkEmpty(queue);
    // The queue works on until its items can be removed.
    await this.#untilDroppable(queue);
    // From here on no other queue may begin to use this one.
    await begin();
    try {
      await stop(name);
      // A produce request may have stored items since the first count.
      if (onlyEmpty) await this.#checkEmpty(queue);
      audit?.add({ items: onlyEmpty ? 0 : await this.#countBriefly(queue) });
      // Another process may have deleted the queue since, and given the name to a new one.
      const remove = (closing?: QueueClosing) => {
        const checkAll = (usedBy: string | undefined, closure?: string) => {
          check?.(usedBy);
          closing?.check(closure);
        };
        const mayCheck = check === undefined && closing === undefined ? undefined : checkAll;
        return store.delete(name, createdAt, mayCheck, audit?.storedEvent);
      };
      if (onlyEmpty) await this.#removeEmpty(queue, remove);
      else {
        await this.#dropPartitions(queue);
        await remove();
      }
      await this.#finish(queue);
    } catch (error) {
      if (error instanceof QueueError) throw error;
      throw storageFailed(error);
    } finally {
      ended(name);
    }
  }

  /** Ends what `beginDelete` has announced. If that fails, it ends by itself. */
  async #stayAsBefore({ name, createdAt }: Queue): Promise<void> {
    const ending = this.#deps.store.beginDelete(name, createdAt, {
      timeout: milliseconds(0),
      check: () => {},
    });
    await ending.catch((error: unknown) => {
      this.#deps.logger.debug('a queue is not chosen as dead-letter queue for a while', {
        queue: name,
        err: error,
      });
    });
  }

  /**
   * Drops the partitions of a closed queue, and then removes its settings. Until then
   * nothing is lost: only empty partitions are dropped, which can be created again, and
   * their dedup keys stay. See docs/adr/0038-empty-queues-are-closed-first.md.
   *
   * @throws QueueError `invalid` if one of them holds an item. Then the queue is as before.
   */
  async #removeEmpty(queue: Queue, remove: (closing: QueueClosing) => Promise<unknown>): Promise<void> {
    const closing = new QueueClosing(queue, this.#deps);
    try {
      await closing.begin();
      await this.#onPartitions(queue, async (store) => {
        if (!(await dropEmpty(store))) throw new HoldsItems();
      });
      await remove(closing);
    } catch (error) {
      await closing.end();
      if (!(error instanceof HoldsItems)) throw error;
      const items = await countItems(this.#deps, queue, this.#deps.limits.changeWaitMs).catch(
        () => undefined,
      );
      throw holdsItems(queue.name, Math.max(1, items ?? 1));
    }
  }

  /**
   * Counts the items in storage.
   *
   * @throws QueueError `invalid` if there are any; `retry` if they cannot be counted in `changeWaitMs`.
   */
  async #checkEmpty(queue: Queue): Promise<void> {
    try {
      const items = await countItems(this.#deps, queue, this.#deps.limits.changeWaitMs);
      if (items === undefined) throw storageTooSlow('the items of the queue could not be counted in time');
      if (items > 0) throw holdsItems(queue.name, items);
    } catch (error) {
      if (error instanceof QueueError) throw error;
      throw storageFailed(error);
    }
  }

  /** The number of items. Undefined if they cannot be counted soon: the deletion does not depend on it. */
  async #countBriefly(queue: Queue): Promise<number | undefined> {
    return countItems(this.#deps, queue, AUDIT_COUNT_MS).catch(() => undefined);
  }

  /** Checks one partition after the other, and ends at the first that is locked. */
  async #untilDroppable(queue: Queue): Promise<void> {
    for (const { store } of this.#deps.placements.reachable(queue)) {
      try {
        await store.untilDroppable?.();
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        throw storageFailed(error, error.locked ? MESSAGES.queueLocked : MESSAGES.storageFailed);
      }
    }
  }

  #dropPartitions(queue: Queue): Promise<void> {
    return this.#onPartitions(queue, (store) => store.drop());
  }

  /**
   * Works on a few partitions at a time. A failure does not end the work until
   * {@link MOST_FAILURES}, a partition that holds items does at once.
   */
  async #onPartitions(queue: Queue, work: (store: PartitionStore) => Promise<void>): Promise<void> {
    let failures = 0;
    const done = await Promise.allSettled(
      this.#deps.placements.reachable(queue).map(({ store, limited }) =>
        limited.drop(async () => {
          // If storage is down, each of a thousand partitions would take its time to fail.
          if (failures >= MOST_FAILURES) return;
          try {
            await work(store);
          } catch (error) {
            failures += error instanceof HoldsItems ? MOST_FAILURES : 1;
            throw error;
          }
        }),
      ),
    );
    const reasons = done.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (reasons.length > 0) throw reasons.find((reason) => reason instanceof HoldsItems) ?? reasons[0];
  }

  /**
   * Drops the partitions again, because another process may have created one
   * before it could know of the deletion. The record of the deletion stays until
   * all partitions are certain to be gone. It lets a later queue of the name
   * remove items that are still there.
   */
  async #finish(queue: Queue): Promise<void> {
    const { store, logger, placements } = this.#deps;
    const { name, createdAt } = queue;
    try {
      await this.#dropPartitions(queue);
    } catch (error) {
      logger.warn('items that another process may have stored for a deleted queue were not removed', {
        queue: name,
        err: error,
      });
      return;
    }
    if (placements.unreachable(queue).length > 0) return;
    await store.forgetDeletion(name, createdAt).catch((error: unknown) => {
      logger.debug('the record of a deleted queue stays', { queue: name, err: error });
    });
  }

  /**
   * Checks that the storages of all partitions are configured.
   *
   * @throws QueueError `invalid`. With `force`, logs which items stay instead.
   */
  #checkReachable(queue: Queue, force: boolean): void {
    for (const { partition, storageName } of this.#deps.placements.unreachable(queue)) {
      if (!force) {
        const way = verbatim('put it back, or use force to leave the items there');
        throw invalid(
          errorText`queue cannot be deleted; storage '${storageName}' of its partition '${partition}' is not configured, ${way}`,
        );
      }
      const where = { queue: queue.name, partition, storage: storageName };
      this.#deps.logger.warn('items of a deleted queue stay on a storage that is not configured', where);
    }
  }
}

/** A partition is not empty. */
class HoldsItems extends Error {}

/** Removes a partition that holds nothing. @returns whether it did. */
async function dropEmpty(store: PartitionStore): Promise<boolean> {
  if (store.dropEmpty !== undefined) return store.dropEmpty();
  // The driver cannot. An item that another process stores after the count is lost.
  const { waiting, leased, scheduled } = await store.stats({ createNothing: true });
  return waiting + leased + scheduled === 0;
}

function holdsItems(name: string, count: number): QueueError {
  const items = count === 1 ? 'item' : 'items';
  return invalid(
    errorText`queue is not empty; '${name}' holds ${count} ${items}, use force to delete them too`,
    'not_empty',
  );
}
