import { formatItemId } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GREATEST_NUMBER } from '../file/sequence.ts';
import { firstNumberFrom, placeOf } from './item-place.ts';

const random = new SeededRandom(1);

const numbers = fc.oneof(
  fc.bigInt({ min: 0n, max: GREATEST_NUMBER }),
  fc.bigInt({ min: 0n, max: 5_000n }),
  fc.bigInt({ min: GREATEST_NUMBER - 5_000n, max: GREATEST_NUMBER }),
);
const characters = fc.constantFrom(...'0019AFGZaafgz');
const pivots = fc.oneof(
  fc.array(characters, { maxLength: 27 }).map((all) => all.join('')),
  fc.array(characters, { maxLength: 16 }).map((all) => `0${all.join('')}`),
  fc
    .tuple(numbers, fc.nat(27))
    .map(([number, length]) => formatItemId(number, random.base62(10)).slice(0, length)),
);

test('an id leads to its number and its random part', () => {
  fc.assert(
    fc.property(numbers, (number) => {
      const tail = random.base62(10);
      expect(placeOf(formatItemId(number, tail))).toEqual({ number, tail });
    }),
  );
});

test.each(['', '0', 'x'.repeat(27), formatItemId(GREATEST_NUMBER + 1n, '0123456789'), '0'.repeat(28)])(
  'no item has the id %j',
  (id) => {
    expect(placeOf(id)).toBeUndefined();
  },
);

test('the first number from a pivot leaves out what is less, and nothing else', () => {
  fc.assert(
    fc.property(pivots, numbers, (pivot, number) => {
      const first = firstNumberFrom(pivot);
      const [least, greatest] = [formatItemId(number, '0'.repeat(10)), formatItemId(number, 'z'.repeat(10))];
      // Ids with the number itself may be on both sides.
      if (greatest < pivot) expect(first === undefined || first >= number).toBe(true);
      if (least >= pivot) expect(first !== undefined && first <= number).toBe(true);
      if (first !== undefined && number > first) expect(least >= pivot).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
