import type { Instant, ItemId } from '@querator/core';
import type { Moment } from './moment.ts';

/** An item got an id that nobody has seen, and died under it: the dead letter may be from any. */
export const UNSEEN_ID = Symbol('an id nobody has seen');

/** An item as the rules have it. */
export interface RuleItem {
  /** By this, which is also its payload, the item is known from its first day to its last. */
  readonly name: string;
  /** Which partition holds it; absent until the service, which is free to choose, has shown it. */
  partition: number | undefined;
  /** Absent until the service has shown the one it gave. */
  id: ItemId | undefined;
  state: 'waiting' | 'leased' | 'scheduled';
  /** End of the lease, or the time to enter the queue. */
  until: Moment | undefined;
  attempts: number;
  sourceId: ItemId | typeof UNSEEN_ID | undefined;
  createdAt: Moment;
  expireDeadline: Moment;
  /** It went to the tail at a time when others may have, and the rules do not say in which order. */
  loose: boolean;
  /** It has just come due, and others that have too may only follow in this order. */
  cameDue: { readonly at: Instant; readonly id: ItemId } | undefined;
}

/** A new item that waits in no partition yet; what differs from that is given. */
export function ruleItem(
  given: Pick<RuleItem, 'name' | 'createdAt' | 'expireDeadline'> & Partial<RuleItem>,
): RuleItem {
  return {
    partition: undefined,
    id: undefined,
    state: 'waiting',
    until: undefined,
    attempts: 0,
    sourceId: undefined,
    loose: false,
    cameDue: undefined,
    ...given,
  };
}
