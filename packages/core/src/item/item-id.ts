/**
 * Names one stay of an item in a queue. An item gets a new id whenever it goes
 * back into the queue, so an old id is dead for good.
 *
 * Byte order is FIFO order. The text is a valid KSUID, which existing clients
 * parse; to them it is opaque, and holding it is proof of the lease.
 */
export type ItemId = string;

/** Every id has this many characters of `0-9A-Za-z`. */
export const ITEM_ID_LENGTH = 27;

/** How many random characters end an id: ten of 62 are 59 bits, beyond guessing within a lease. */
export const ITEM_ID_RANDOM_LENGTH = 10;

/** The hexadecimal digits of the growing number. */
const SEQUENCE_DIGITS = 16;

/** The greatest KSUID, 2^160 − 1 in base62. */
const GREATEST_ID = 'aWgEPTl1tmebfsQzFP4bxwgy80V';
const SMALLEST_ID = '0'.repeat(ITEM_ID_LENGTH);

/**
 * Puts an id together: `0`, the 16 lower-case hexadecimal digits of a number
 * that only grows, and the random tail.
 */
export function formatItemId(sequence: bigint, randomTail: string): ItemId {
  return `0${sequence.toString(16).padStart(SEQUENCE_DIGITS, '0')}${randomTail}`;
}

/**
 * What is wrong with an id's shape, in the words of the reference, or nothing.
 * Characters outside the alphabet are not looked for: such an id simply
 * matches no item.
 */
export function itemIdFault(id: string): string | undefined {
  if (utf8Length(id) !== ITEM_ID_LENGTH) {
    return `Valid encoded KSUIDs are ${ITEM_ID_LENGTH} characters`;
  }
  if (id > GREATEST_ID) {
    return `Valid encoded KSUIDs are bounded by ${SMALLEST_ID} and ${GREATEST_ID}`;
  }
  return undefined;
}

/** Lengths are counted in bytes; only a text that is not ASCII has more of them than characters. */
function utf8Length(text: string): number {
  return text.length === ITEM_ID_LENGTH && isAscii(text)
    ? text.length
    : new TextEncoder().encode(text).length;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
