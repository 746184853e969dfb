/**
 * Identifies an item from one enqueue to the next. An item gets a new id each
 * time it returns to the tail of the queue; the old id is never valid again.
 *
 * Byte order is FIFO order. The text is a valid KSUID, because existing clients
 * parse it. Clients treat it as opaque; knowing it proves the lease.
 */
export type ItemId = string;

/** The length of every id, in characters of `0-9A-Za-z`. */
export const ITEM_ID_LENGTH = 27;

/** The number of random characters at the end of an id: 59 bits, too many to guess during a lease. */
export const ITEM_ID_RANDOM_LENGTH = 10;

/** The number of hexadecimal digits of the sequence number. */
const SEQUENCE_DIGITS = 16;

/** The greatest KSUID, 2^160 − 1 in base62. */
const GREATEST_ID = 'aWgEPTl1tmebfsQzFP4bxwgy80V';
const SMALLEST_ID = '0'.repeat(ITEM_ID_LENGTH);

/**
 * Makes an id: `0`, then 16 lower-case hexadecimal digits of a sequence number
 * that only grows, then the random tail.
 */
export function formatItemId(sequence: bigint, randomTail: string): ItemId {
  return `0${sequence.toString(16).padStart(SEQUENCE_DIGITS, '0')}${randomTail}`;
}

/**
 * The error about the format of an id, in the reference server's words;
 * undefined if nothing is. Characters outside the alphabet pass: such an id
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

/** The length in bytes. Skips the encoder for ASCII, whose bytes are its characters. */
function utf8Length(text: string): number {
  return text.length === ITEM_ID_LENGTH && isAscii(text)
    ? text.length
    : new TextEncoder().encode(text).length;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
