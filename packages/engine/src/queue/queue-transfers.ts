import {
  type DeadLetter,
  type ItemId,
  type MarkResult,
  type PartitionStore,
  type Queue,
  type TakenIds,
  type TakenItem,
  type TakeRequest,
  type TakeResult,
  type TransferRequest,
  type TransferResult,
  unavailable,
} from '@querator/core';
import { autoCommitTimeoutOf } from '../dead-letters/prepared-letters.ts';
import type { EngineDeps } from '../engine-deps.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { spreadSize } from '../partition/queue-spread.ts';
import type { ActivePartition } from './active-partition.ts';

export interface QueueTransfersDeps {
  readonly engine: EngineDeps;
  readonly queue: () => Queue;
  /** Throws QueueError `invalid` when there is no such partition. */
  readonly partition: (number: number) => ActivePartition;
  readonly stored: QueueHooks['stored'];
  /** Runs a storage call that the stop of the queue waits for. Throws QueueError `failed` once the queue stops. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
  /** Throws QueueError `retry` with the reason `queue_paused`. */
  readonly checkProduce: () => void;
}

/** Items of a partition that go to another queue. */
export type TransferredItems = Pick<TransferRequest, 'ids' | 'state'>;

/**
 * A queue as the source and as the target of moves to other queues.
 *
 * All methods but `partitionOn` throw QueueError: `failed` once the queue stops, `invalid` if
 * there is no such partition, `retry` if a driver lacks the call. They throw StorageError.
 */
export class QueueTransfers {
  readonly #deps: QueueTransfersDeps;

  constructor(deps: QueueTransfersDeps) {
    this.#deps = deps;
  }

  /** The settings in force. */
  get queue(): Queue {
    return this.#deps.queue();
  }

  /**
   * The partition that takes the items of a partition of another queue: the preferred one if
   * both are on one storage, else one that is. The same arguments give the same partition.
   * Undefined if the queue has none on that storage. Partitions that it got later take none.
   */
  partitionOn(storageName: string, preferred: number): number | undefined {
    const partitions = this.queue.partitions.slice(0, spreadSize(this.queue));
    if (partitions[preferred]?.storageName === storageName) return preferred;
    const others = partitions.filter((each) => each.storageName === storageName);
    return others[preferred % others.length]?.partition;
  }

  /**
   * Moves items to a partition of another queue, or of this one, on the same storage; see core's
   * `PartitionStore.transfer`.
   *
   * @throws QueueError `retry` while the target is out of service, or another queue and paused.
   */
  async transfer(
    partition: number,
    items: TransferredItems,
    target: QueueTransfers,
    targetPartition: number,
  ): Promise<TransferResult> {
    const result = await this.#call(partition, (store) =>
      target.#receive(targetPartition, store, items, this),
    );
    this.#countTransferred(result.transferred.length);
    return result;
  }

  /** See core's `TakenItemsStore`. */
  take(partition: number, request: TakeRequest): Promise<TakeResult> {
    return this.#call(partition, (store) => store.takeItems?.(request));
  }

  taken(partition: number, task: string, limit: number): Promise<readonly TakenItem[]> {
    return this.#call(partition, async (store) => (await store.takenItems?.(task, limit)) ?? []);
  }

  markTaken(partition: number, request: TakenIds): Promise<MarkResult> {
    return this.#call(partition, (store) => store.markTaken?.(request));
  }

  /** Undoes a take, and looks for consumers of the items. @param scheduled how many of the ids were scheduled. */
  async returnTaken(partition: number, request: TakenIds, scheduled: number): Promise<void> {
    const returned = await this.#call(partition, (store) => store.returnTaken?.(request));
    this.#arrived(partition, returned, scheduled);
  }

  async removeTaken(partition: number, request: TakenIds): Promise<void> {
    await this.#call(partition, async (store) => (await store.removeTaken?.(request)) ?? 'done');
    this.#countTransferred(request.ids.length);
  }

  /**
   * Stores prepared copies of items of another storage.
   *
   * @param from the queue that they leave.
   * @throws QueueError `retry` while the partition is out of service, or the queue paused and another one than `from`.
   */
  async prepare(partition: number, letters: readonly DeadLetter[], from: QueueTransfers): Promise<void> {
    this.#checkOpen(partition, from);
    if (!this.#deps.partition(partition).state.keepsMetadata) {
      throw unavailable('retry', 'the partition that takes the items keeps no metadata at the moment');
    }
    const { expireTimeout } = this.queue;
    const autoCommitTimeout = autoCommitTimeoutOf(expireTimeout, this.#deps.engine.limits);
    await this.#call(partition, async (store) => {
      await store.prepareLetters(letters, { expireTimeout, autoCommitTimeout });
      return 'done';
    });
  }

  /**
   * Makes prepared copies available, paused or not: their originals are marked.
   *
   * @param scheduled how many of the copies become scheduled.
   */
  async commit(partition: number, ids: readonly ItemId[], scheduled: number): Promise<void> {
    const committed = await this.#call(partition, (store) => store.commitLetters(ids));
    this.#arrived(partition, committed, scheduled);
  }

  /** Removes prepared copies. */
  async abort(partition: number, ids: readonly ItemId[]): Promise<void> {
    await this.#call(partition, (store) => store.abortLetters(ids));
  }

  async #receive(
    partition: number,
    store: PartitionStore,
    items: TransferredItems,
    from: QueueTransfers,
  ): Promise<TransferResult> {
    this.#checkOpen(partition, from);
    const { expireTimeout } = this.queue;
    const result = await this.#call(
      partition,
      async ({ transferTarget: target }) =>
        target && (await store.transfer?.({ ...items, target, expireTimeout })),
    );
    const arrived = result.transferred.length;
    this.#arrived(partition, arrived, items.state === 'waiting' ? 0 : arrived);
    return result;
  }

  /** @param scheduled how many of the items may be scheduled; the others wait. */
  #arrived(partition: number, items: number, scheduled: number): void {
    if (items === 0) return;
    const waiting = Math.max(items - scheduled, 0);
    this.#deps.stored(this.#deps.partition(partition).state, { waiting, scheduled: scheduled > 0 });
  }

  /** A pause holds what producers add. Items that only change their partition are in the queue already. */
  #checkOpen(partition: number, from: QueueTransfers): void {
    if (from !== this) this.#deps.checkProduce();
    if (this.#deps.partition(partition).state.healthy) return;
    throw unavailable('retry', 'the partition that takes the items is out of service');
  }

  #countTransferred(items: number): void {
    this.#deps.engine.observer.items(this.queue.name, 'transferred', items);
  }

  /** @param call resolves to undefined if the driver lacks the call. */
  async #call<T>(
    partition: number,
    call: (store: PartitionStore) => Promise<T | undefined> | undefined,
  ): Promise<T> {
    const { store } = this.#deps.partition(partition).state;
    const result = await this.#deps.call(async () => call(store));
    if (result === undefined) throw unavailable('retry', 'the storage cannot move items to another queue');
    return result;
  }
}

/** The ids of items, in order. */
export function idsOf(items: readonly { readonly id: ItemId }[]): readonly ItemId[] {
  return items.map(({ id }) => id);
}
