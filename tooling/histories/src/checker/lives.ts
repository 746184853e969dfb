import type { Delivery } from './item-records.ts';

/**
 * The order of an item's deliveries. An item has a life in its queue, dies, is a dead letter,
 * and has its next life when a task returns it. The lives before are told by the attempts in
 * all that its source counts.
 */
export function inOrderOfLives(a: Delivery, b: Delivery): number {
  return compareLives(a, b) || a.lease.returned - b.lease.returned;
}

/** Whether one delivery of an item comes after another one, by their attempts. */
export function isLater(a: Delivery, b: Delivery): boolean {
  return compareLives(a, b) > 0;
}

function compareLives(a: Delivery, b: Delivery): number {
  return a.base - b.base || Number(isReturned(a)) - Number(isReturned(b)) || a.attempts - b.attempts;
}

/** A life comes after the letter that was returned for it. */
function isReturned({ lease }: Delivery): boolean {
  return lease.queue !== 'dead';
}

/** Whether both are in the same life of the item, or of the same letter. */
export function isSameLife(a: Delivery, b: Delivery): boolean {
  return a.base === b.base && a.lease.queue === b.lease.queue;
}

/**
 * How many leases there were between a delivery and the one before it: their answers were lost.
 * Negative: fewer attempts were counted than there were.
 *
 * @param before undefined: the delivery is the first of its item.
 */
export function unseenLeases(before: Delivery | undefined, { base, attempts, lease }: Delivery): number {
  if (before === undefined) return base + attempts - 1;
  if (before.base === base && before.lease.queue === lease.queue) return attempts - before.attempts - 1;
  return base - attemptsInAll(before) + attempts - 1;
}

/** How often the item was leased in its lives, until the delivery. */
export function attemptsInAll({ base, attempts, lease }: Delivery): number {
  return lease.queue === 'dead' ? base : base + attempts;
}
