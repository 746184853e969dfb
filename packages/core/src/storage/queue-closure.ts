import { type Duration, milliseconds } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/**
 * A closure counts for `QueueStore.delete` only if it stays in force for another
 * minute. A driver must end the transaction of a deletion in less than that.
 */
export const CLOSURE_MARGIN: Duration = milliseconds(60_000);

/** Closes a queue while it is deleted; part of `QueueStore`. */
export interface ClosableStore {
  /**
   * Closes a queue, or ends that. While a queue is closed, `get` and `list` show the
   * token as its `closure`, and no process creates partitions of it: see
   * `PartitionOwner.isThere`. A later closure replaces an earlier one. Settings and
   * stamps stay. `delete` ends it.
   *
   * Undefined if the driver cannot.
   *
   * @param createdAt of the queue. A later one of the same name stays as it is.
   * @param closure `timeout`: how long it lasts, by the storage's clock. Undefined:
   *   ends the closure of that token, and no other.
   * @returns whether anything was changed.
   */
  close?(
    name: string,
    createdAt: Instant,
    closure: { readonly token: string; readonly timeout: Duration | undefined },
  ): Promise<boolean>;
}
