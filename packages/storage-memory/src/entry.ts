import type { Instant, ItemId, StoredItem } from '@querator/core';
import type { Alarm } from './deadlines.ts';
import { type PackedContent, unpackContent } from './packed-content.ts';

/**
 * `condemned`: dead, kept until it is moved. `moved`: condemned, and marked as moved.
 * `gone`: no longer in the partition.
 */
export type EntryState = 'waiting' | 'leased' | 'scheduled' | 'condemned' | 'moved' | 'gone';

/** Whether the item is dead and kept aside. */
export function isCondemned({ state }: Pick<Entry, 'state'>): boolean {
  return state === 'condemned' || state === 'moved';
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
   * waiting item expires, a leased one's lease ends, a scheduled one enters
   * the queue, a condemned or moved one is reported (again).
   */
  due: Instant;
  /** What rings at `due`. */
  alarm: Alarm | undefined;
  /** Let go of when the entry is gone. */
  content: PackedContent;
}

/** The item as callers see it; changing it changes nothing here. */
export function toStoredItem(entry: Entry): StoredItem {
  return {
    id: entry.id,
    sourceId: entry.sourceId,
    isLeased: entry.state === 'leased' || isCondemned(entry),
    leaseDeadline: entry.state === 'leased' ? entry.due : undefined,
    expireDeadline: entry.expireDeadline,
    enqueueAt: entry.state === 'scheduled' ? entry.due : undefined,
    createdAt: entry.createdAt,
    attempts: entry.attempts,
    maxAttempts: entry.maxAttempts,
    ...unpackContent(entry.content),
  };
}
