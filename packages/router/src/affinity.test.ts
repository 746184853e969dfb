import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distribute, hasTie } from './affinity.ts';

const weigh = (...affinities: number[]) => affinities.map((affinity, i) => ({ name: `s${i}`, affinity }));

describe('distributing partitions', () => {
  test.each([
    [100, [1, 1, 1, 0], [34, 33, 33, 0]],
    [100, [1, 0.5, 0.3, 0.1], [53, 26, 16, 5]],
    [7, [1, 1, 1], [3, 2, 2]],
    [1, [1, 1], [1, 0]],
    [10, [5, 5], [5, 5]],
    [3, [5, 5], [2, 1]],
    [1, [0, 2], [0, 1]],
    [0, [1, 2], [0, 0]],
    [10, [1], [10]],
    [5, [0.1, 0.2], [2, 3]],
  ])('%i partitions over affinities %j give %j', (requested, affinities, expected) => {
    expect(distribute(requested, weigh(...affinities))).toEqual(expected);
  });

  test('ties go to the storage with the fewest partitions for its affinity', () => {
    const storagesWith = (affinities: number[], partitions: number[]) =>
      affinities.map((affinity, i) => ({ name: `s${i}`, affinity, partitions: partitions[i] }));
    expect(distribute(1, storagesWith([1, 1], [1, 0]))).toEqual([0, 1]);
    expect(distribute(3, storagesWith([5, 5], [7, 6]))).toEqual([1, 2]);
    expect(distribute(1, storagesWith([1, 1, 0], [2, 1, 0]))).toEqual([0, 1, 0]);
    // No tie: existing partitions do not matter.
    expect(distribute(1, storagesWith([2, 1], [9, 0]))).toEqual([1, 0]);
    const counts = [0, 0, 0];
    for (let queue = 0; queue < 16; queue++) {
      distribute(1, storagesWith([1, 1, 1], counts)).forEach((count, i) => {
        counts[i] = (counts[i] ?? 0) + count;
      });
    }
    expect(counts).toEqual([6, 5, 5]);
  });

  test.each([
    [1, [1, 1], true],
    [2, [1, 1], false],
    [3, [5, 5], true],
    [1, [2, 1], false],
    [4, [1], false],
    [1, [0, 2], false],
    [0, [1, 1], false],
  ])('%i partitions over affinities %j: a tie is %s', (requested, affinities, tie) => {
    expect(hasTie(requested, weigh(...affinities))).toBe(tie);
  });

  test('fails without a storage of positive affinity', () => {
    expect(() => distribute(1, weigh(0, 0))).toThrow(/at least one needs an affinity above 0/);
    expect(() => distribute(1, [])).toThrow(RangeError);
    expect(distribute(0, weigh(0))).toEqual([0]);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
    'fails for an affinity of %d and names the storage',
    (bad) => {
      expect(() => distribute(1, weigh(1, bad))).toThrow(/'s1'/);
    },
  );

  const affinity = fc.oneof(
    fc.nat({ max: 1_000 }),
    fc.double({ min: 1e-6, max: 1e3, noNaN: true, noDefaultInfinity: true }),
  );

  test('places every partition, gives each storage its share within one partition, and nothing to affinity 0', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1_024 }),
        fc.array(affinity, { minLength: 1, maxLength: 20 }),
        (requested, affinities) => {
          const total = affinities.reduce((sum, weight) => sum + weight, 0);
          fc.pre(total > 0);
          const counts = distribute(requested, weigh(...affinities));
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(requested);
          counts.forEach((count, i) => {
            const exact = ((affinities[i] ?? 0) * requested) / total;
            expect(Math.abs(count - exact)).toBeLessThan(1 + 1e-9);
            if (affinities[i] === 0) expect(count).toBe(0);
          });
        },
      ),
    );
  });
});
