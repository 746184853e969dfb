import { pgSequence } from 'drizzle-orm/pg-core';
import { ITEM_ID_SEQUENCE } from '../../sql/table-name.ts';

/**
 * The numbers in item ids. All partitions of a schema share one sequence, so
 * that a partition that is dropped and made again goes on upwards.
 */
export const itemIdSequence = pgSequence(ITEM_ID_SEQUENCE);
