import { formatItemId, ITEM_ID_RANDOM_LENGTH, type ItemId, type Random } from '@querator/core';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { ITEM_ID_SEQUENCE } from './table-name.ts';

/** The conditions for the number of a statement that writes new ids. */
export interface NumberGuard {
  /** The number must be greater than this. */
  readonly last: bigint;
  /**
   * The start time of the server on which the table was checked. The statement must
   * run on that server. 0: any.
   */
  readonly server: bigint;
}

/** The low bits of an id's number distinguish the items of one statement. */
const POSITION_BITS = 17;

/** The most items in one statement. No batch of the engine is larger. */
export const ITEMS_PER_STATEMENT = 2 ** POSITION_BITS;

/** The length of the guard's two numbers, which precede the random ends in {@link newIds}. */
const GUARD_BYTES = 16;

/** SQL for the nth number of the guard, from 0. */
const guardNumber = (ids: string, n: number) =>
  `('x' || encode(substring(${ids}::bytea FROM ${n * 8 + 1} FOR 8), 'hex'))::bit(64)::bigint`;

/**
 * SQL for the start time of the server in microseconds. It differs between servers,
 * and changes with a restart.
 */
export const SERVER_START = `(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint`;

/**
 * SQL for a query that takes the next number of the sequence, as column `n`.
 *
 * The whole statement fails with {@link NUMBER_REFUSED} and rolls back in two cases;
 * see `withIdsInOrder`. The number is not greater than the last one this process
 * knows. Or the server is not the one on which the table was checked. It fails by an
 * error of `width_bucket`, which nothing else uses. Its argument is the number, so
 * that it cannot be evaluated earlier.
 *
 * @param ids the placeholder of {@link newIds}.
 * @param table SQL for the table whose schema has the sequence.
 */
export function nextNumberSql(ids: string, table: string): string {
  const onServer = `${guardNumber(ids, 1)} IN (0, ${SERVER_START})`;
  return `SELECT CASE WHEN n > ${guardNumber(ids, 0)} AND ${onServer} THEN n
    ELSE width_bucket(n::float8, 0, 0, 1) END AS n
    FROM (${anyNumberSql(table)}) AS taken`;
}

/** As {@link nextNumberSql}, without a guard: {@link guardedIdSql} has to follow. */
export function anyNumberSql(table: string): string {
  return `SELECT nextval(${objectId(besideTable(table, ITEM_ID_SEQUENCE))}) AS n`;
}

/**
 * SQL for the id that an INSERT of one row returns. It fails as {@link nextNumberSql}
 * does. For one row it takes much less time to plan and run, for many rows more.
 *
 * @param bound the placeholder of the least accepted id.
 * @param server the placeholder of `TableNumbers.startedAt`.
 */
export function guardedIdSql(bound: string, server: string): string {
  return `CASE WHEN id >= ${bound}::text AND (pg_postmaster_start_time() = ${server}::timestamptz) IS NOT FALSE
    THEN id ELSE width_bucket(attempts, 0, 0, 1)::text END`;
}

/**
 * SQL for a new item id, in the format of core's `formatItemId`.
 *
 * Its number is one value of the sequence for the whole statement, combined with the
 * item's position. So the items of a statement stay together whatever other statements
 * do at the same time. At 10,000 statements a second the numbers last four centuries.
 * The subquery makes PostgreSQL take the value once.
 *
 * @param position SQL for the item's position in the statement, from 1.
 * @param ids the placeholder of {@link newIds}, such as `$3`.
 * @param table SQL for the item's table, whose schema has the sequence.
 * @param next a query for the statement's number. Undefined: the next one of the
 *   sequence.
 */
export function newItemIdSql(
  position: string,
  ids: string,
  table: string,
  next = nextNumberSql(ids, table),
): string {
  const tail = randomEndsSql(ids, position);
  return `'0' || lpad(to_hex(${numberAtSql(position, next)}), 16, '0') || ${tail}`;
}

/** SQL for the number in the id of an item. The parameters are those of {@link newItemIdSql}. */
export function numberAtSql(position: string, next: string): string {
  return `((${next}) << ${POSITION_BITS}) + ${position} - 1`;
}

/** SQL for the number of the sequence in {@link numberAtSql}. */
export function sequenceNumberSql(number: string): string {
  return `(${number} >> ${POSITION_BITS})`;
}

/** SQL for the position, from 1, in {@link numberAtSql}. */
export function positionSql(number: string): string {
  return `((${number} & ${ITEMS_PER_STATEMENT - 1}) + 1)`;
}

/** SQL for the number of ids whose random ends are in a text. */
export function randomEndsInSql(ends: string): string {
  return `length(${ends}) / ${ITEM_ID_RANDOM_LENGTH}`;
}

/** SQL for the random ends of ids, one after the other. @param items how many, from this position on. */
export function randomEndsSql(ids: string, position: string, items = '1'): string {
  const start = `(${position}::int - 1) * ${ITEM_ID_RANDOM_LENGTH} + ${GUARD_BYTES + 1}`;
  const length = items === '1' ? String(ITEM_ID_RANDOM_LENGTH) : `${items} * ${ITEM_ID_RANDOM_LENGTH}`;
  return `encode(substring(${ids}::bytea FROM ${start} FOR ${length}), 'escape')`;
}

/** The position, from 1, in an id of {@link newItemIdSql}. */
export function positionOf(id: string): number {
  return (Number.parseInt(id.slice(9, 17), 16) % ITEMS_PER_STATEMENT) + 1;
}

/** The number in the first id of a statement. The numbers of its other ids follow. */
export function firstNumberOf(id: string): bigint {
  return BigInt(`0x${id.slice(1, 17)}`);
}

/**
 * The parameter for new ids: the guard's numbers and the random ends, one after the
 * other. As bytes, because PostgreSQL finds the nth byte without reading those before
 * it.
 */
export function newIds(
  { random, table }: { readonly random: Random; readonly table: { readonly numbers: NumberGuard } },
  count: number,
): Buffer {
  const { last, server } = table.numbers;
  const ids = Buffer.alloc(GUARD_BYTES + ITEM_ID_RANDOM_LENGTH * count);
  ids.writeBigInt64BE(last, 0);
  ids.writeBigInt64BE(server, 8);
  ids.write(random.base62(ITEM_ID_RANDOM_LENGTH * count), GUARD_BYTES, 'latin1');
  return ids;
}

/** Ids that follow each other, from the number in the first one and their random ends. */
export function idsInRow(first: bigint, ends: string): readonly ItemId[] {
  return Array.from({ length: ends.length / ITEM_ID_RANDOM_LENGTH }, (_, n) =>
    formatItemId(first + BigInt(n), ends.slice(n * ITEM_ID_RANDOM_LENGTH, (n + 1) * ITEM_ID_RANDOM_LENGTH)),
  );
}

/** Some of the random ends in {@link newIds}. @param items how many, from this position on. */
export function randomEndsAt(ids: Buffer, position: number, items: number): string {
  const start = GUARD_BYTES + (position - 1) * ITEM_ID_RANDOM_LENGTH;
  return ids.toString('latin1', start, start + items * ITEM_ID_RANDOM_LENGTH);
}

/**
 * The ids of a statement's items from their first to the last before `count`.
 *
 * @param first the number in the first id, as {@link firstNumberOf} reads it.
 * @param ids the statement's {@link newIds}.
 */
export function idsFrom(first: bigint, ids: Buffer, count: number): readonly ItemId[] {
  return idsInRow(first, randomEndsAt(ids, 1, count));
}

/** The number in the first id of a statement with this number of the sequence. */
export function firstNumberAt(sequenceNumber: bigint): bigint {
  return sequenceNumber << BigInt(POSITION_BITS);
}

/** A bound above every id with this or an earlier number of the sequence, and not above later ones. */
export function boundAfter(sequenceNumber: bigint): string {
  return `0${((sequenceNumber + 1n) << BigInt(POSITION_BITS)).toString(16).padStart(16, '0')}`;
}

/** The start of our ids. */
const NUMBERED = /^0[0-9a-f]{16}/;

/** The number of the sequence in an id or a bound. 0 if it is not one of ours. */
export function numberIn(id: string): bigint {
  return NUMBERED.test(id) ? sequenceNumberOf(id) : 0n;
}

/**
 * The number of the sequence in an id. For an id of another program, such as `00zz…`:
 * the next number whose ids are greater.
 */
export function sequenceNumberOf(id: string): bigint {
  const [digits = ''] = /^[0-9a-f]*/.exec(id.slice(1, 17)) ?? [];
  const bits = BigInt(4 * (16 - digits.length));
  const number = BigInt(`0x${digits || '0'}`);
  return (bits === 0n ? number : (number + 1n) << bits) >> BigInt(POSITION_BITS);
}
