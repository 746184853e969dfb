import { pgSequence } from 'drizzle-orm/pg-core';

/** The name of {@link itemIdSequence}. */
export const ITEM_ID_SEQUENCE = 'querator_item_id';

/**
 * The numbers in item ids, for all partitions of a schema. One sequence for
 * all, so that a partition that is dropped and made again goes on upwards.
 */
export const itemIdSequence = pgSequence(ITEM_ID_SEQUENCE);
