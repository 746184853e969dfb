import type { StoredItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Instant } from '../time/instant.ts';
import type { MarkResult } from './partition-calls.ts';

/** Where a taken item goes. */
export interface TakenTarget {
  readonly queue: string;
  readonly partition: number;
}

/** Which items a task takes. */
export interface TakeRequest {
  readonly task: string;
  /** At most 1,000, none twice, in any order. May contain malformed ids. */
  readonly ids: readonly ItemId[];
  /** Items in another state stay, but for those that the task took before. Undefined: `waiting`. */
  readonly state?: 'waiting' | 'scheduled' | undefined;
  readonly target: TakenTarget;
  /**
   * A take that begins then or later, by the storage's clock, is refused: the task may have
   * ended, and then nothing would return the items to their queue. Undefined: never too late.
   */
  readonly before?: Instant | undefined;
}

/** An item that a task has taken. */
export interface TakenItem {
  readonly id: ItemId;
  readonly target: TakenTarget;
  /** The `enqueueAt` that the item had, by the storage's clock. Undefined: it waited. */
  readonly dueAt?: Instant | undefined;
  /** Whether it is marked: its copy is prepared in the target, and it never returns to the queue. */
  readonly isMarked: boolean;
}

/** The result of a take, in the order of ids. */
export interface TakeResult {
  /** With their content and details. Also those that the task took before and has not marked, with their first target. */
  readonly taken: readonly (StoredItem & TakenItem)[];
  /**
   * Ids whose items were not taken yet: the call ended at the payload budget, or a sweep was at
   * work. The caller asks again.
   */
  readonly left: readonly ItemId[];
}

/** Names taken items of one task. */
export interface TakenIds {
  readonly task: string;
  readonly ids: readonly ItemId[];
}

/**
 * Items that a task takes out of a partition while it moves them to another storage; part of
 * `PartitionStore`. All members or none: a driver that keeps no metadata has none.
 *
 * A taken item keeps its id and its place. Nobody is offered it, no sweep finds it, and no
 * other task takes it. `complete`, `retry` and `extend` answer as for a scheduled item. It is
 * listed, counted and cleared like a scheduled item with the last possible `enqueueAt`, so a
 * server that does not know this state leaves it alone too.
 *
 * The task stores a prepared copy in the target, marks the item, commits the copy, and removes
 * the item (docs/adr/0035-items-are-transferred-as-one-step.md).
 */
export interface TakenItemsStore {
  /**
   * Takes items that wait, or scheduled ones. Stops once the contents (payloads and texts) add up to at least
   * `PAYLOAD_BUDGET`.
   *
   * @throws QueueError `metadataUnavailable`; `takenTooLate` once `before` has come. Then nothing was taken.
   */
  takeItems?(request: TakeRequest): Promise<TakeResult>;

  /** The items that a task has taken, lowest ids first, at most `limit`. */
  takenItems?(task: string, limit: number): Promise<readonly TakenItem[]>;

  /** Marks taken items: their copies are prepared. Ids that the task has not taken are ignored. */
  markTaken?(request: TakenIds): Promise<MarkResult>;

  /**
   * Undoes a take: the items wait again, under the same ids at their old place, with their old
   * deadlines. Scheduled ones are scheduled again for their old time, be it past or not. Marked
   * items and ids that the task has not taken are ignored.
   *
   * @returns the number of items that are no longer taken.
   */
  returnTaken?(request: TakenIds): Promise<number>;

  /** Removes marked items of the task. Ignores all others. */
  removeTaken?(request: TakenIds): Promise<void>;
}
