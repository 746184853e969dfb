import type { Clock, Random } from '@querator/core';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 27;
/** A KSUID counts seconds from 2014-05-13T16:53:20Z. */
const EPOCH_SECONDS = 1_400_000_000n;
const SECONDS_BITS = 32n;
const PAYLOAD_BITS = 128n;
/** 22 base62 digits hold more than 128 bits; the excess is cut off. */
const PAYLOAD_DIGITS = 22;

/**
 * Makes the id of a user, key, role or binding: a KSUID, which is 4 bytes of
 * seconds and 16 random bytes in base62. Byte order is the order of creation, to
 * the second.
 */
export function newRecordId(clock: Clock, random: Random): string {
  const seconds = BigInt.asUintN(Number(SECONDS_BITS), clock.now() / 1_000_000n - EPOCH_SECONDS);
  let value = (seconds << PAYLOAD_BITS) | payload(random);
  let text = '';
  for (let n = 0; n < ID_LENGTH; n++) {
    text = `${ALPHABET[Number(value % 62n)]}${text}`;
    value /= 62n;
  }
  return text;
}

function payload(random: Random): bigint {
  let value = 0n;
  for (const digit of random.base62(PAYLOAD_DIGITS)) value = value * 62n + BigInt(ALPHABET.indexOf(digit));
  return BigInt.asUintN(Number(PAYLOAD_BITS), value);
}
