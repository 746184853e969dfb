import { ITEM_ID_SEQUENCE } from '../../sql/table-name.ts';
import { pgSequence } from '../drizzle.ts';

/**
 * The numbers in item ids. All partitions of a schema share one sequence. So the ids
 * of a partition that is dropped and created again continue upwards.
 */
export const itemIdSequence = pgSequence(ITEM_ID_SEQUENCE);
