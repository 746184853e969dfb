import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatItemId, ITEM_ID_LENGTH, itemIdFault } from './item-id.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const WRONG_LENGTH = 'Valid encoded KSUIDs are 27 characters';
const OUT_OF_BOUNDS =
  'Valid encoded KSUIDs are bounded by 000000000000000000000000000 and aWgEPTl1tmebfsQzFP4bxwgy80V';

function toBase62(value: bigint): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = ALPHABET[Number(rest % 62n)] + text;
  return text.padStart(ITEM_ID_LENGTH, '0');
}

describe('formatItemId', () => {
  test('gives 27 characters: 0, sixteen hexadecimal digits, the random end', () => {
    expect(formatItemId(255n, 'abcdefghij')).toBe('000000000000000ffabcdefghij');
    expect(formatItemId(0n, '0000000000')).toBe('0'.repeat(27));
    expect(formatItemId(2n ** 63n - 1n, 'zzzzzzzzzz')).toBe('07fffffffffffffffzzzzzzzzzz');
  });

  test('orders by the number, whatever the random ends', () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    const end = fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(number, end, number, end, (a, endOfA, b, endOfB) => {
        fc.pre(a !== b);
        expect(formatItemId(a, endOfA) < formatItemId(b, endOfB)).toBe(a < b);
      }),
    );
  });

  test('always returns a valid KSUID', () => {
    for (const sequence of [0n, 1n, 2n ** 63n - 1n]) {
      expect(itemIdFault(formatItemId(sequence, 'zzzzzzzzzz'))).toBeUndefined();
    }
  });
});

describe('itemIdFault', () => {
  test('accepts every value below 2^160, and none from there on', () => {
    expect(itemIdFault(toBase62(0n))).toBeUndefined();
    expect(itemIdFault(toBase62(2n ** 160n - 1n))).toBeUndefined();
    expect(toBase62(2n ** 160n - 1n)).toBe('aWgEPTl1tmebfsQzFP4bxwgy80V');
    expect(itemIdFault(toBase62(2n ** 160n))).toBe(OUT_OF_BOUNDS);
    expect(itemIdFault('z'.repeat(27))).toBe(OUT_OF_BOUNDS);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 62n ** 27n - 1n }), (value) => {
        expect(itemIdFault(toBase62(value))).toBe(value < 2n ** 160n ? undefined : OUT_OF_BOUNDS);
      }),
    );
  });

  test.each(['', 'a', '0'.repeat(26), '0'.repeat(28), 'é'.repeat(27)])('refuses %j for its length', (id) => {
    expect(itemIdFault(id)).toBe(WRONG_LENGTH);
  });

  test('counts bytes, not characters', () => {
    expect(itemIdFault(`0${'é'.repeat(13)}`)).toBeUndefined();
    expect(itemIdFault(`${'é'.repeat(13)}0`)).toBe(OUT_OF_BOUNDS);
    expect(itemIdFault(`0${'é'.repeat(26)}`)).toBe(WRONG_LENGTH);
  });

  test('does not look for characters outside the alphabet', () => {
    expect(itemIdFault(`0${'-'.repeat(26)}`)).toBeUndefined();
  });
});
