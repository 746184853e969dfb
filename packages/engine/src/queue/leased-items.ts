import {
  errorText,
  type Instant,
  type Outcome,
  overloaded,
  type Queue,
  type RetriedItem,
  toMilliseconds,
  unavailable,
} from '@querator/core';
import { logDeleted } from '../dead-letters/log-deleted.ts';
import type { EngineDeps } from '../engine-deps.ts';
import type { Buffered } from '../loops/group-commit.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { Arrival } from '../partition/queue-hooks.ts';
import type { ActivePartition, ExtendRequest } from './active-partition.ts';

export interface LeasedItemsDeps {
  readonly engine: EngineDeps;
  readonly queue: () => Queue;
  /** @throws QueueError `invalid` when there is no such partition. */
  readonly partition: (number: number) => ActivePartition;
  /** Called after items were stored as waiting or scheduled. */
  readonly stored: (partition: PartitionState, arrival: Arrival) => void;
}

/**
 * What consumers do with the items that they have leased from a queue.
 *
 * All methods throw a QueueError: `invalid` when there is no such partition,
 * `retry` when it is failing or overloaded, and when storage fails.
 */
export class LeasedItems {
  readonly #deps: LeasedItemsDeps;

  constructor(deps: LeasedItemsDeps) {
    this.#deps = deps;
  }

  /** @throws QueueError also `invalid` for the first bad id. */
  async complete(partition: number, ids: readonly string[]): Promise<void> {
    const { completes } = this.#available(partition, ({ completes }) => completes);
    await completes.submit({ ids });
  }

  /** @throws QueueError also `invalid` for the first bad id. */
  async retry(partition: number, items: readonly RetriedItem[]): Promise<void> {
    const { state, retries, sweeper } = this.#available(partition, ({ retries }) => retries);
    const { waiting, scheduled, moving, deleted } = await retries.submit({ items });
    const { engine, queue, stored } = this.#deps;
    if (deleted > 0) logDeleted(engine.logger, { queue: queue().name, partition, items: deleted });
    stored(state, { waiting, scheduled: scheduled > 0 });
    // The items are safe without it, but the consumer may read the dead-letter queue next.
    if (moving > 0) await sweeper.sweepBriefly();
    // The lease may have outlived the item's time in the queue.
    else if (waiting > 0) sweeper.dueIn(0);
  }

  /**
   * Gives items a new lease deadline, each for itself.
   *
   * @returns the new deadlines, or why there is none.
   * @throws QueueError also `failed` when the storage cannot extend leases.
   */
  async extend(partition: number, request: ExtendRequest): Promise<readonly Outcome<Instant>[]> {
    const { extensions, sweeper } = this.#available(partition, ({ extensions }) => extensions);
    const outcomes = await extensions.submit(request);
    // The new deadline may be earlier than the one for which the sweeper waits.
    sweeper.dueIn(toMilliseconds(request.leaseTimeout));
    return outcomes;
  }

  #available(
    partition: number,
    bufferOf: (partition: ActivePartition) => { readonly buffered: Buffered },
  ): ActivePartition {
    const active = this.#deps.partition(partition);
    const { itemsBuffered, requestsBuffered } = this.#deps.engine.limits;
    const { items, requests } = bufferOf(active).buffered;
    if (items >= itemsBuffered || requests >= requestsBuffered) throw overloaded();
    if (!active.state.healthy) {
      throw unavailable(
        'retry',
        errorText`partition not available; partition '${partition}' is failing, retry again`,
      );
    }
    return active;
  }
}
