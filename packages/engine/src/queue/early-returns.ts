import { errorText, type ItemId, type QueueError, unavailable } from '@querator/core';
import type { ActivePartition } from './active-partition.ts';
import type { LeasedItems } from './leased-items.ts';

export interface EarlyReturnsDeps {
  readonly leasedItems: LeasedItems;
  /** @throws QueueError `invalid` when there is no such partition. */
  readonly partition: (number: number) => ActivePartition;
  /** Runs a storage call, for which the stop of the queue waits. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
}

/**
 * Makes items available before their time, for operators.
 *
 * All methods throw StorageError, and QueueError: `invalid` when there is no such partition,
 * `failed` if the storage has no such call, or once the queue stops.
 */
export class EarlyReturns {
  readonly #deps: EarlyReturnsDeps;

  constructor(deps: EarlyReturnsDeps) {
    this.#deps = deps;
  }

  /** The greatest id in a partition. Items that enter it later have greater ones. */
  async lastId(partition: number): Promise<ItemId | undefined> {
    const { state } = this.#deps.partition(partition);
    return this.#deps.call(async () => {
      if (state.store.lastId === undefined) throw cannotReturn(partition);
      return state.store.lastId();
    });
  }

  /** Puts scheduled items at the tail, as if they were due. @returns how many were scheduled. */
  async ofScheduled(partition: number, ids: readonly ItemId[]): Promise<number> {
    const { state, sweeper } = this.#deps.partition(partition);
    const made = await this.#deps.call(async () => {
      if (state.store.makeDue === undefined) throw cannotReturn(partition);
      return state.store.makeDue(ids);
    });
    // Also for items that another process made due and did not sweep.
    if (ids.length > 0) sweeper.dueIn(0);
    return made;
  }

  /** Ends leases, as a retry does. @returns how many there were. @throws QueueError also `retry`. */
  async ofLeased(partition: number, ids: readonly ItemId[]): Promise<number> {
    if (ids.length === 0) return 0;
    const items = ids.map((id) => ({ id, dead: false }));
    const outcomes = await this.#deps.leasedItems.retryEach(partition, items);
    return outcomes.filter(({ ok }) => ok).length;
  }
}

function cannotReturn(partition: number): QueueError {
  return unavailable(
    'failed',
    errorText`items cannot be retried by a task; the storage of partition '${partition}' has no such call`,
  );
}
