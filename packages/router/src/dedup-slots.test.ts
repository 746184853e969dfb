import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEDUP_SLOTS, dedupSlot, partitionInSpread } from './dedup-slots.ts';

describe('the slot of a dedup key', () => {
  // Stored keys are only found in their slot. A change of these numbers loses them.
  test.each([
    ['a', 435],
    ['order-1', 668],
    ['order-2', 704],
    ['Grüße', 506],
    ['\u{1f40e}', 524],
    ['k'.repeat(256), 174],
  ])('of %j is always %i', (key, slot) => {
    expect(dedupSlot(key)).toBe(slot);
  });

  test('is one of the slots', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const slot = dedupSlot(key);
        return Number.isInteger(slot) && slot >= 0 && slot < DEDUP_SLOTS;
      }),
    );
  });

  test.each([1, 2, 3, 7, 1_000, DEDUP_SLOTS])('spreads keys over %i partitions', (partitions) => {
    const counts = new Array<number>(partitions).fill(0);
    const keys = 200 * partitions;
    for (let n = 0; n < keys; n++) {
      const partition = partitionInSpread(dedupSlot(`customer-${n % 10}/order-${n}`), [partitions]);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    // With fewer slots than twice the partitions, some partitions have one slot and some have two.
    const mean = keys / partitions;
    expect(Math.min(...counts)).toBeGreaterThan(mean * 0.5);
    expect(Math.max(...counts)).toBeLessThan(mean * 2.5);
  });
});

describe('the partition in a spread', () => {
  const slots = Array.from({ length: DEDUP_SLOTS }, (_, slot) => slot);

  // What was stored under a spread is only found with the same function.
  test('is always the same', () => {
    const placed = [0, 1, 5, 6, 7, 100, 1_023].map((slot) => partitionInSpread(slot, [4, 3, 2]));
    expect(placed).toEqual([0, 1, 1, 1, 1, 0, 0]);
  });

  test('changes only for the partitions that have left', () => {
    for (const slot of slots) {
      const before = partitionInSpread(slot, [7, 5]);
      const after = partitionInSpread(slot, [7, 5, 3]);
      if (before < 3) expect(after).toBe(before);
      else expect(after).toBeLessThan(3);
    }
  });

  test('shares out what partitions had that have left', () => {
    const counts = [0, 0, 0];
    for (const slot of slots) {
      const partition = partitionInSpread(slot, [4, 3]);
      if (slot % 4 === 3) counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});
