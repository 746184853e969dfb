/**
 * The states of the items that operators find. `dead`: out of attempts, expired or
 * given up, and not yet in the dead-letter queue. `moving`: taken by a task, which moves it
 * to another storage. Prepared letters have none: they are not found.
 */
export const ITEM_STATES = ['waiting', 'leased', 'scheduled', 'dead', 'moving'] as const;

/** One of {@link ITEM_STATES}. */
export type ItemState = (typeof ITEM_STATES)[number];
