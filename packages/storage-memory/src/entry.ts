import type { Instant, ItemContent, ItemId, StoredItem, TakenTarget } from '@querator/core';
import type { DeadlineOwner } from './deadlines.ts';
import { detailsOf, type KeptDetails } from './kept-details.ts';
import { type PackedContent, unpackContent } from './packed-content.ts';

/**
 * `prepared`: a prepared letter. `moving`: dead, stored until it is moved. `moved`:
 * moving and marked as moved. `gone`: no longer in the partition.
 */
export type EntryState = 'waiting' | 'leased' | 'scheduled' | 'prepared' | 'moving' | 'moved' | 'gone';

/** Whether the item is dead and waits for the end of its move. */
export function isMoving({ state }: Pick<Entry, 'state'>): boolean {
  return state === 'moving' || state === 'moved';
}

/** One stay of an item in the partition. An item that returns to the tail gets a new entry under a new id. */
export interface Entry extends DeadlineOwner {
  readonly id: ItemId;
  readonly sourceId: ItemId | undefined;
  readonly createdAt: Instant;
  readonly expireDeadline: Instant;
  readonly maxAttempts: number;
  attempts: number;
  state: EntryState;
  /**
   * When a sweep handles the entry next. A waiting item expires, and a lease ends.
   * A prepared letter is committed, and a scheduled item enters the queue. A moving
   * or moved item is reported (again).
   */
  due: Instant;
  /** Released when the entry is gone. */
  content: PackedContent;
  /** The `leaseDeadline` of the import of an item that is not leased. Few entries have this property. */
  idleLeaseDeadline?: Instant;
  /** When a lease of the entry was first extended with a bound. Few entries have this property. */
  heldSince?: Instant;
  /** Entries that came back or brought details have this property. */
  kept?: KeptDetails | undefined;
  /** When a prepared or taken entry becomes available. Only those that were scheduled have this property. */
  dueAt?: Instant;
  /** Of an entry that a task has taken, which is scheduled at the last instant. */
  taken?: TakenEntry | undefined;
}

/** The task that has taken an entry. */
export interface TakenEntry {
  readonly task: string;
  readonly target: TakenTarget;
  isMarked: boolean;
}

/** What makes up a new entry besides its content. */
export type EntryRest = Pick<Entry, 'createdAt' | 'expireDeadline' | 'attempts' | 'state' | 'due'> &
  Partial<Pick<Entry, 'sourceId' | 'maxAttempts'>> & { readonly kept?: KeptDetails | undefined };

/** A copy of the entry for callers. */
export function toStoredItem(entry: Entry): StoredItem {
  return { ...storedFields(entry), ...unpackContent(entry.content) };
}

/** A copy of the entry without its content. */
export function storedFields(entry: Entry): Omit<StoredItem, keyof ItemContent> {
  const isLeased = entry.state === 'leased' || entry.state === 'prepared';
  return {
    id: entry.id,
    sourceId: entry.sourceId,
    isLeased: isLeased || isMoving(entry),
    leaseDeadline: isLeased ? entry.due : entry.idleLeaseDeadline,
    expireDeadline: entry.expireDeadline,
    enqueueAt: entry.state === 'scheduled' ? entry.due : undefined,
    createdAt: entry.createdAt,
    attempts: entry.attempts,
    maxAttempts: entry.maxAttempts,
  };
}

/** A copy of the entry with its details, and its death if it is dead. */
export function toDetailedItem(entry: Entry): StoredItem {
  return { ...toStoredItem(entry), details: detailsOf(entry), death: entry.kept?.death };
}
