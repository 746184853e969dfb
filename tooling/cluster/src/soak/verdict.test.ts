import { expect, test } from 'vitest';
import type { Sample } from './samples.ts';
import { growthIn } from './verdict.ts';

const MB = 1_048_576;
const STEADY: Sample = {
  ...{
    seconds: 0,
    tableBytes: 10 * MB,
    indexBytes: 8 * MB,
    toastBytes: 4 * MB,
    liveRows: 1_000,
    deadRows: 9_000,
  },
  ...{ autovacuums: 1, walBytesPerItem: 1_500, itemsPerSecond: 1_000, leaseMs: 2 },
};

/** Twenty samples, one per second. */
function samples(change: (second: number) => Partial<Sample>): readonly Sample[] {
  return Array.from({ length: 20 }, (_, second) => ({ ...STEADY, seconds: second, ...change(second) }));
}

test('a size that is steady, or grows in the warm-up only, is flat', () => {
  expect(
    growthIn(
      samples(() => ({})),
      5,
    ),
  ).toEqual([]);
  expect(
    growthIn(
      samples((second) => ({ tableBytes: Math.min(second, 5) * 10 * MB })),
      5,
    ),
  ).toEqual([]);
  expect(
    growthIn(
      samples((second) => ({ deadRows: (second % 4) * 10_000 })),
      5,
    ),
  ).toEqual([]);
});

test.each<[string, (second: number) => Partial<Sample>]>([
  ['table bytes', (second) => ({ tableBytes: second * 5 * MB })],
  ['index bytes', (second) => ({ indexBytes: second * 5 * MB })],
  ['TOAST bytes', (second) => ({ toastBytes: second * 5 * MB })],
  ['dead rows', (second) => ({ deadRows: second * 3_000 })],
  ['WAL bytes per item', (second) => ({ walBytesPerItem: second * 300 })],
])('growing %s are detected', (name, change) => {
  const faults = growthIn(samples(change), 5);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(`${name} grew`);
});

test('a run that stopped, or was too short, is no proof', () => {
  expect(
    growthIn(
      samples((second) => ({ itemsPerSecond: second < 12 ? 100 : 0 })),
      5,
    ),
  ).toEqual(['no item was completed any more']);
  expect(
    growthIn(
      samples(() => ({})),
      17,
    )[0],
  ).toContain('too few');
});
