import { ITEM_ID_RANDOM_LENGTH, type Random } from '@querator/core';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { ITEM_ID_SEQUENCE } from './table-name.ts';

/** What the number of a statement that writes new ids is held against. */
export interface NumberGuard {
  /** It has to be greater. */
  readonly last: bigint;
  /** The start of the server on which the table was looked at, which has to be the one that is written to; 0: any. */
  readonly server: bigint;
}

/** The low bits of an id's number tell the items of one statement apart. */
const POSITION_BITS = 17;

/** So many items of one statement have ids of their own range: more than any batch of the engine holds. */
export const ITEMS_PER_STATEMENT = 2 ** POSITION_BITS;

/** What {@link newIds} has before the random ends: the guard's two numbers, of eight bytes each. */
const GUARD_BYTES = 16;

/** SQL for the nth number of the guard, from 0. */
const guardNumber = (ids: string, n: number) =>
  `('x' || encode(substring(${ids}::bytea FROM ${n * 8 + 1} FOR 8), 'hex'))::bit(64)::bigint`;

/** SQL for when the server was started, in microseconds: no two servers say the same, nor one before and after a restart. */
export const SERVER_START = `(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint`;

/**
 * SQL for a query that takes the next number of the sequence, as column `n`.
 * The whole statement fails, and so rolls back, with {@link NUMBER_REFUSED}
 * where that number is not above the last one this process knows of, or the
 * server is not the one on which the table was looked at; see `withIdsInOrder`. The
 * function that fails is one nothing else has a use for, and it hangs on the
 * number, so that nobody evaluates it before.
 *
 * @param ids the placeholder of {@link newIds}.
 * @param table SQL for the table beside which the sequence is.
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
 * SQL for what an INSERT returns of its one row: the id. It fails as
 * {@link nextNumberSql} does. For a row that is stored already this is much less
 * to plan and to run, and for many rows it would be more.
 *
 * @param bound the placeholder of the least id that is not refused.
 * @param server the placeholder of `TableNumbers.startedAt`.
 */
export function guardedIdSql(bound: string, server: string): string {
  return `CASE WHEN id >= ${bound}::text AND (pg_postmaster_start_time() = ${server}::timestamptz) IS NOT FALSE
    THEN id ELSE width_bucket(attempts, 0, 0, 1)::text END`;
}

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
 * @param ids the placeholder of {@link newIds}, such as `$3`.
 * @param table SQL for the table the item is in: the sequence is beside it.
 * @param next a query of one number that stands for the statement's own; absent: one of the sequence.
 */
export function newItemIdSql(
  position: string,
  ids: string,
  table: string,
  next = nextNumberSql(ids, table),
): string {
  const number = `((${next}) << ${POSITION_BITS}) + ${position} - 1`;
  const start = `(${position}::int - 1) * ${ITEM_ID_RANDOM_LENGTH} + ${GUARD_BYTES + 1}`;
  const tail = `encode(substring(${ids}::bytea FROM ${start} FOR ${ITEM_ID_RANDOM_LENGTH}), 'escape')`;
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
 * What so many new ids are made of beside the sequence: what their number is
 * held against, and their random ends, one behind the other. As bytes, because
 * in bytes PostgreSQL finds the n-th without counting through those before.
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

/** The random ends in {@link newIds}, as one text. */
export function randomEndsOf(ids: Buffer): string {
  return ids.toString('latin1', GUARD_BYTES);
}

/** What is greater than every id made of that number of the sequence or an earlier one, and no greater than later ones. */
export function boundAfter(sequenceNumber: bigint): string {
  return `0${((sequenceNumber + 1n) << BigInt(POSITION_BITS)).toString(16).padStart(16, '0')}`;
}

/** An id of ours begins so. */
const NUMBERED = /^0[0-9a-f]{16}/;

/** The number of the sequence in an id or a bound; 0 where it is not of our making. */
export function numberIn(id: string): bigint {
  return NUMBERED.test(id) ? sequenceNumberOf(id) : 0n;
}

/**
 * The number of the sequence that an id was made of. Of one that others have
 * put in, such as `00zz…`: the next number whose ids are greater.
 */
export function sequenceNumberOf(id: string): bigint {
  const [digits = ''] = /^[0-9a-f]*/.exec(id.slice(1, 17)) ?? [];
  const bits = BigInt(4 * (16 - digits.length));
  const number = BigInt(`0x${digits || '0'}`);
  return (bits === 0n ? number : (number + 1n) << bits) >> BigInt(POSITION_BITS);
}
