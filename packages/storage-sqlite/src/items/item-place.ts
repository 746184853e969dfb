import { ITEM_ID_LENGTH, ITEM_ID_RANDOM_LENGTH, type ItemId } from '@querator/core';
import { GREATEST_NUMBER } from '../file/sequence.ts';

/** `0` and the hexadecimal number come before the random part. */
const NUMBER_END = ITEM_ID_LENGTH - ITEM_ID_RANDOM_LENGTH;
const ID = /^0[0-9a-f]{16}[0-9A-Za-z]{10}$/;

/** The two parts of an id: its number, and the rest. */
export interface ItemPlace {
  readonly number: bigint;
  readonly tail: string;
}

/** The parts of an id. Undefined: no item of this driver has such an id. */
export function placeOf(id: ItemId): ItemPlace | undefined {
  if (!ID.test(id)) return undefined;
  const number = BigInt(`0x${id.slice(1, NUMBER_END)}`);
  return number > GREATEST_NUMBER ? undefined : { number, tail: id.slice(NUMBER_END) };
}

/**
 * The least number that an id which is not less than `pivot` may have. Ids with that
 * number may still be less. Undefined: every id is less.
 *
 * @param pivot any text.
 */
export function firstNumberFrom(pivot: string): bigint | undefined {
  const head = pivot.slice(0, NUMBER_END);
  if (head === '') return 0n;
  if (head[0] !== '0') return (head[0] as string) < '0' ? 0n : undefined;
  let digits = '';
  for (const character of head.slice(1)) {
    if (isDigit(character)) {
      digits += character;
      continue;
    }
    const next = [...'0123456789abcdef'].find((digit) => digit > character);
    // Without a greater digit here, the number must be greater before it.
    if (next === undefined) return above(digits);
    digits += next;
    break;
  }
  return bounded(BigInt(`0x${digits.padEnd(16, '0')}`));
}

/** The least number whose digits begin with more than these. */
function above(digits: string): bigint | undefined {
  if (digits === '') return undefined;
  return bounded((BigInt(`0x${digits}`) + 1n) << BigInt(4 * (16 - digits.length)));
}

function bounded(number: bigint): bigint | undefined {
  return number > GREATEST_NUMBER ? undefined : number;
}

function isDigit(character: string): boolean {
  return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}
