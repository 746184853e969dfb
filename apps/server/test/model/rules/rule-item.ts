import type { Instant, ItemId } from '@querator/core';
import type { Moment } from './moment.ts';

/** The source id of a letter whose item died under an id that the service did not show. */
export const UNSEEN_ID = Symbol('an id nobody has seen');

/** An item in the rules. */
export interface RuleItem {
  /** Identifies the item for its whole life. Also its payload. */
  readonly name: string;
  /** Its partition, which the service chooses. Undefined until the service shows it. */
  partition: number | undefined;
  /** Undefined until the service shows it. */
  id: ItemId | undefined;
  state: 'waiting' | 'leased' | 'scheduled';
  /** The end of its lease, or the time of its schedule. */
  until: Moment | undefined;
  attempts: number;
  sourceId: ItemId | typeof UNSEEN_ID | undefined;
  createdAt: Moment;
  expireDeadline: Moment;
  /** It reached the tail together with others, and the rules do not give their order. */
  loose: boolean;
  /** It has just come due. Other due items follow it only in this order. */
  cameDue: { readonly at: Instant; readonly id: ItemId } | undefined;
}

/** A new waiting item without a partition, changed by the given fields. */
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
