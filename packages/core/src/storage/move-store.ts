import type { ItemContent } from '../item/item.ts';
import type { Death, ImportedDetails } from '../item/item-details.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Instant } from '../time/instant.ts';
import type { TakenTarget } from './taken-items.ts';

/** The right of one process to work on the move of a partition. */
export interface MoveClaim {
  /** The task of the move. */
  readonly task: string;
  /** Raised each time a process takes the task over. A call of an older generation fails. */
  readonly generation: number;
}

/**
 * What a partition lets through while it moves.
 *
 * - `copying`: the source. All calls work, and changes are written down.
 * - `closed`: the source, just before the switch. Calls that write fail.
 * - `left`: the source, after the switch. As `closed`. Also a partition that its queue no longer has.
 * - `leaving`: a partition that its queue is to lose. Calls that add items fail, all others work.
 * - `filling`: the target. Only the mover writes.
 * - `open`: the target, after the switch. All calls work.
 */
export type GateState = 'copying' | 'closed' | 'left' | 'leaving' | 'filling' | 'open';

/** One end of a move, as the storage has it. */
export interface MoveEnd {
  readonly state: GateState;
  /**
   * Another text if the move was begun here anew, be it by the same claim, or the storage may
   * have lost writes that it had acknowledged, as in a failover. What was copied before does not
   * count then.
   */
  readonly history: string;
  /** By the storage's clock, which judges the deadlines of the items. */
  readonly now: Instant;
}

/** `moved`: dead and marked as moved. `taken`: a task has taken it. `prepared`: a prepared letter. */
export type CarriedState = 'waiting' | 'leased' | 'scheduled' | 'prepared' | 'dead' | 'moved' | 'taken';

/** Everything that a partition knows of an item. It keeps its id. */
export interface CarriedItem extends ItemContent {
  readonly id: ItemId;
  readonly sourceId?: ItemId | undefined;
  readonly createdAt: Instant;
  readonly expireDeadline: Instant;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly state: CarriedState;
  /** The end of the lease, the preparation, or the claim of a dead item; the due time of a scheduled one. */
  readonly until?: Instant | undefined;
  /** When a prepared or taken item becomes available. Undefined: it was not scheduled. */
  readonly dueAt?: Instant | undefined;
  /** The `leaseDeadline` with which an item that is not leased was imported. */
  readonly idleLeaseDeadline?: Instant | undefined;
  /** When the lease was first extended with a bound. */
  readonly heldSince?: Instant | undefined;
  readonly details?: ImportedDetails | undefined;
  readonly death?: Death | undefined;
  /** Only of taken items. */
  readonly taken?:
    | { readonly task: string; readonly target: TakenTarget; readonly isMarked: boolean }
    | undefined;
}

/** A dedup key with the ids that its items got. */
export interface CarriedKey {
  readonly key: string;
  readonly ids: readonly ItemId[];
  /** The end of its window. */
  readonly endsAt: Instant;
}

/** Items in descending order of their ids. */
export interface CarriedItems {
  readonly items: readonly CarriedItem[];
  /** The next page has the items before this id. Undefined: there are no more. */
  readonly next: ItemId | undefined;
}

/** Dedup keys in byte order. */
export interface CarriedKeys {
  readonly keys: readonly CarriedKey[];
  /** The next page has the keys after this one. Undefined: there are no more. */
  readonly next: string | undefined;
}

/** What has changed, as it is now. */
export interface CarriedChanges {
  /** Names the entries for `settleChanges`. Empty: nothing has changed. */
  readonly entries: readonly string[];
  readonly items: readonly CarriedItem[];
  /** Ids that are no longer in the partition. */
  readonly gone: readonly ItemId[];
  readonly keys: readonly CarriedKey[];
  /** More may have changed than entries can tell: the copy begins anew. */
  readonly anew: boolean;
  /** Whether there may be more entries. */
  readonly more: boolean;
}

/** What the mover writes to the target. The deadlines are by the target's clock. */
export interface CarriedBatch {
  /** Replace those with the same id. */
  readonly items: readonly CarriedItem[];
  /** Removed. Ids that are not there are ignored. */
  readonly gone: readonly ItemId[];
  readonly keys: readonly CarriedKey[];
  /** New ids of the target become greater than each id with this number. */
  readonly above?: bigint | undefined;
}

/** What a closed partition had given out. */
export interface ClosedPartition {
  /** No id of the partition has a greater number. */
  readonly lastNumber: bigint;
}

/** What a partition held when it got a fence. */
export interface FencedKeys {
  /** When the window of the last of its dedup keys ends, by the storage's clock. Undefined: it holds none. */
  readonly lastEndsAt: Instant | undefined;
}

/**
 * One end of the move of a partition to another storage
 * (docs/adr/0041-a-partition-moves-as-a-copy.md). The partition is the source or the target.
 *
 * For all methods:
 * - A call fails with a `StorageError` `stale` if another process has taken the task over with a
 *   later generation, or if the partition is not in a state for the call. Then it has no effect.
 * - Each call may be repeated, also if its outcome is unknown. Such a call takes effect before any later call at the same
 *   end, or never: each of them locks the state of the move there.
 * - While the gate is `closed`, `left` or `filling`, every call of the partition's `PartitionStore`
 *   that writes fails with a `StorageError` `closed` and has no effect. That concerns all processes,
 *   of every version. Calls that only read may work. While the gate is `leaving`, that holds for calls that add
 *   items: produces, imports, prepared letters and transfers to the partition.
 */
export interface MoveStore {
  /**
   * Takes this end over, or begins the move here.
   *
   * - The source becomes `copying`: from now on changes are written down. A partition that has left
   *   is no source.
   * - The target is created empty, and `filling`. It may replace a partition that has left, or is empty.
   *
   * @throws StorageError `stale` as described; QueueError `invalid` if the partition cannot be that end.
   */
  begin(claim: MoveClaim, end: 'source' | 'target'): Promise<MoveEnd>;

  /** Takes this end over if it is part of the task. @returns undefined if it is not. */
  resume(claim: MoveClaim): Promise<GateState | undefined>;

  /** Reads items of the source, or of a leaving partition. A page ends at the payload budget. @param before undefined: from the last item. */
  readItems(claim: MoveClaim, before: ItemId | undefined, limit: number): Promise<CarriedItems>;

  /** Reads dedup keys of the source. @param after undefined: from the first. */
  readKeys(claim: MoveClaim, after: string | undefined, limit: number): Promise<CarriedKeys>;

  /** Reads what has changed at the source. @param limit the most entries; at least 1. */
  readChanges(claim: MoveClaim, limit: number): Promise<CarriedChanges>;

  /** Removes entries whose changes are durable at the target. */
  settleChanges(claim: MoveClaim, entries: readonly string[]): Promise<void>;

  /**
   * Closes the source, and waits until no earlier call can write any more. All changes are
   * written down then.
   *
   * @returns undefined if a writer has not ended soon. The source stays closed.
   */
  close(claim: MoveClaim): Promise<ClosedPartition | undefined>;

  /** Opens the closed source again: `copying`. */
  reopen(claim: MoveClaim): Promise<void>;

  /** The closed source, or a leaving partition, becomes `left`. */
  leave(claim: MoveClaim): Promise<void>;

  /**
   * Writes to the target, all or nothing. An item or key of the batch replaces that of the same id, key or
   * source id.
   *
   * @throws QueueError `invalid` if the target cannot store an item.
   */
  write(claim: MoveClaim, batch: CarriedBatch): Promise<void>;

  /** Removes all that was written to the target: the copy begins anew. */
  empty(claim: MoveClaim): Promise<void>;

  /** The filled target becomes `open`. */
  open(claim: MoveClaim): Promise<void>;

  /**
   * The partition becomes `leaving`, or is taken over. Waits until no earlier call can add items any more: what it
   * holds then only becomes less.
   *
   * Undefined if the driver cannot do it.
   *
   * @returns whether they have ended. If not, it is `leaving` all the same.
   */
  beginLeaving?(claim: MoveClaim): Promise<boolean>;

  /**
   * Lets a partition that has left be used again: it is a plain, empty partition. The queue's record must say that it
   * is here before that. Any other partition stays as it is.
   *
   * Undefined if the driver cannot do it.
   */
  readmit?(): Promise<void>;

  /**
   * Puts a fence on the dedup keys of a partition that serves, or is about to: keyed produces whose `keySpread` is
   * lower fail with a `StorageError` `closed`, in all processes and of every version. `find` and imports work.
   * Returns when no earlier call can store a key any more. The fence stays until a higher one replaces it, or the
   * partition is removed or moves: a target gets its fence before it opens.
   *
   * Undefined if the driver cannot do it.
   *
   * @param keySpread at least 1.
   * @throws StorageError `stale` if there is a higher one.
   */
  fenceKeys?(keySpread: number): Promise<FencedKeys>;

  /**
   * Ends the move here.
   *
   * - A `copying` source is a plain partition again, and so are a `leaving` one and an `open` target.
   * - A source that has `left` is emptied. It stays closed, so that no process creates it again.
   * - A `filling` target is removed.
   * - Without a move there is nothing to do.
   */
  end(claim: MoveClaim): Promise<void>;
}
