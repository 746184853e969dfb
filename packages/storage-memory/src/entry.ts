import type { Instant, ItemId, StoredItem } from '@querator/core';
import type { Alarm } from './deadlines.ts';
import { type PackedContent, unpackContent } from './packed-content.ts';

/**
 * `prepared`: a letter on its way into this queue. `moving`: dead, kept until it is moved.
 * `moved`: moving, and marked as moved.
 * `gone`: no longer in the partition.
 */
export type EntryState = 'waiting' | 'leased' | 'scheduled' | 'prepared' | 'moving' | 'moved' | 'gone';

/** Whether the item is dead and kept aside. */
export function isMoving({ state }: Pick<Entry, 'state'>): boolean {
  return state === 'moving' || state === 'moved';
}

/** One stay of an item in the partition. Going back to the tail ends it and begins another, under a new id. */
export interface Entry {
  readonly id: ItemId;
  readonly sourceId: ItemId | undefined;
  readonly createdAt: Instant;
  readonly expireDeadline: Instant;
  readonly maxAttempts: number;
  attempts: number;
  state: EntryState;
  /**
   * When time next does something to it. What that is goes by the state: a
   * waiting item expires, a leased one's lease ends, a prepared one is committed, a
   * scheduled one enters the queue, a moving or moved one is reported (again).
   */
  due: Instant;
  /** What rings at `due`. */
  alarm: Alarm | undefined;
  /** Let go of when the entry is gone. */
  content: PackedContent;
  /** What an item that is not leased was imported with. Few have it, so it is a property of theirs alone. */
  idleLeaseDeadline?: Instant;
}

/** The item as callers see it; changing it changes nothing here. */
export function toStoredItem(entry: Entry): StoredItem {
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
    ...unpackContent(entry.content),
  };
}
