import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEDUP_SLOTS, dedupSlot, partitionOfSlot } from './dedup-slots.ts';

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
      const partition = partitionOfSlot(dedupSlot(`customer-${n % 10}/order-${n}`), partitions);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    // With fewer slots than twice the partitions, some partitions have one slot and some have two.
    const mean = keys / partitions;
    expect(Math.min(...counts)).toBeGreaterThan(mean * 0.5);
    expect(Math.max(...counts)).toBeLessThan(mean * 2.5);
  });
});
