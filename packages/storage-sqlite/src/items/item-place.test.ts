import { formatItemId } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstSeqFrom, placeOf } from './item-place.ts';

const GREATEST_SEQ = 2n ** 63n - 1n;
const random = new SeededRandom(1);

const seqs = fc.oneof(
  fc.bigInt({ min: 0n, max: GREATEST_SEQ }),
  fc.bigInt({ min: 0n, max: 5_000n }),
  fc.bigInt({ min: GREATEST_SEQ - 5_000n, max: GREATEST_SEQ }),
);
const characters = fc.constantFrom(...'0019AFGZaafgz');
const pivots = fc.oneof(
  fc.array(characters, { maxLength: 27 }).map((all) => all.join('')),
  fc.array(characters, { maxLength: 16 }).map((all) => `0${all.join('')}`),
  fc.tuple(seqs, fc.nat(27)).map(([seq, length]) => formatItemId(seq, random.base62(10)).slice(0, length)),
);

test('an id leads to its number and its random part', () => {
  fc.assert(
    fc.property(seqs, (seq) => {
      const tail = random.base62(10);
      expect(placeOf(formatItemId(seq, tail))).toEqual({ seq, tail });
    }),
  );
});

test.each(['', '0', 'x'.repeat(27), formatItemId(GREATEST_SEQ + 1n, '0123456789'), '0'.repeat(28)])(
  'no item has the id %j',
  (id) => {
    expect(placeOf(id)).toBeUndefined();
  },
);

test('the first number from a pivot leaves out what is less, and nothing else', () => {
  fc.assert(
    fc.property(pivots, seqs, (pivot, seq) => {
      const first = firstSeqFrom(pivot);
      const [least, greatest] = [formatItemId(seq, '0'.repeat(10)), formatItemId(seq, 'z'.repeat(10))];
      // Ids with the number itself may be on both sides.
      if (greatest < pivot) expect(first === undefined || first >= seq).toBe(true);
      if (least >= pivot) expect(first !== undefined && first <= seq).toBe(true);
      if (first !== undefined && seq > first) expect(least >= pivot).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
