import { ITEM_ID_RANDOM_LENGTH, type Random } from '@querator/core';
import { ITEM_ID_SEQUENCE } from './schema/item-id-sequence.ts';
import { besideTable, objectId } from './table-name.ts';

/** The low bits of an id's number tell the items of one statement apart. */
const POSITION_BITS = 17;

/** So many items of one statement have ids of their own range: more than any batch of the engine holds. */
export const ITEMS_PER_STATEMENT = 2 ** POSITION_BITS;

/**
 * SQL for a new item id, laid out as core's `formatItemId`.
 *
 * Its number is one value of the sequence for the whole statement, with the
 * item's position below. So the items of a statement stay next to each other
 * whatever other statements do at the same time, which a value for each item
 * would not give. At 10,000 statements a second it lasts four centuries. The
 * subquery is what makes it one value: PostgreSQL evaluates it once.
 *
 * @param position SQL for the item's place among those of the statement, from 1.
 * @param tails the placeholder of {@link randomTails}, such as `$3`.
 * @param table SQL for the table the item is in: the sequence is beside it.
 */
export function newItemIdSql(position: string, tails: string, table: string): string {
  const sequence = objectId(besideTable(table, ITEM_ID_SEQUENCE));
  const number = `((SELECT nextval(${sequence})) << ${POSITION_BITS}) + ${position} - 1`;
  const start = `(${position}::int - 1) * ${ITEM_ID_RANDOM_LENGTH} + 1`;
  const tail = `encode(substring(${tails}::bytea FROM ${start} FOR ${ITEM_ID_RANDOM_LENGTH}), 'escape')`;
  return `'0' || lpad(to_hex(${number}), 16, '0') || ${tail}`;
}

/** The place, from 1, that an id of {@link newItemIdSql} has among those of its statement. */
export function positionOf(id: string): number {
  return (Number.parseInt(id.slice(9, 17), 16) % ITEMS_PER_STATEMENT) + 1;
}

/** The number in the first id of a statement; the ids after it have the numbers after it. */
export function firstNumberOf(id: string): bigint {
  return BigInt(`0x${id.slice(1, 17)}`);
}

/**
 * Random ends for so many new ids, one behind the other. As bytes, because in
 * bytes PostgreSQL finds the n-th without counting through those before.
 */
export function randomTails(random: Random, count: number): Buffer {
  return Buffer.from(random.base62(ITEM_ID_RANDOM_LENGTH * count), 'latin1');
}

/** What is greater than every id made of that number of the sequence or an earlier one, and no greater than later ones. */
export function boundAfter(sequenceNumber: bigint): string {
  return `0${((sequenceNumber + 1n) << BigInt(POSITION_BITS)).toString(16).padStart(16, '0')}`;
}

/** The number of the sequence that an id was made of. */
export function sequenceNumberOf(id: string): bigint {
  return firstNumberOf(id) >> BigInt(POSITION_BITS);
}
