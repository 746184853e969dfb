import { ITEM_CALLS } from '../items/item-calls.ts';
import { QUEUE_CALLS } from '../queues/queue-calls.ts';

/**
 * Everything that the main thread can ask of a file, by its name. Each call gets an open
 * transaction and its arguments, and is synchronous. If it throws, nothing of it stays.
 * Arguments and results go through a structured clone.
 */
export const CALLS = { ...ITEM_CALLS, ...QUEUE_CALLS };

/** The calls, as the main thread knows them. */
export type Calls = typeof CALLS;
