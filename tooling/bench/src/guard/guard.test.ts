import { describe, expect, test } from 'vitest';
import type { Ratio, Scenario } from '../scenarios/scenario.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { floorOf, guardRow, recordOf } from './guard.ts';

/** A row whose measurements give these ratios, in this order. */
function rowOf(ratios: number[]): { row: Scenario; measured: () => number } {
  const left = [...ratios];
  const run = async () => ({ ratio: left.shift() }) as Ratio;
  return { row: { name: 'row', title: 'a row', run }, measured: () => ratios.length - left.length };
}

const bed = { clear: async () => {} } as TestBed;
const recorded = { ratio: 2, share: 0.75 };

describe('a row', () => {
  test('passes at its first good measurement, and is not measured again', async () => {
    const { row, measured } = rowOf([1.5, 9]);
    const verdict = await guardRow(bed, row, recorded);
    expect(verdict).toMatchObject({ passed: true, tries: 1, floor: 1.5, ratio: 1.5 });
    expect(measured()).toBe(1);
  });

  test('passes if only some measurements are bad', async () => {
    const { row } = rowOf([0.2, 1.4, 1.6]);
    expect(await guardRow(bed, row, recorded)).toMatchObject({ passed: true, tries: 3, ratio: 1.6 });
  });

  test('fails if all measurements are bad, and reports the best', async () => {
    const { row } = rowOf([1.2, 1.4, 1.1, 9]);
    expect(await guardRow(bed, row, recorded)).toMatchObject({ passed: false, tries: 3, ratio: 1.4 });
  });
});

describe('a record', () => {
  test('has a floor below the worst measurement', () => {
    const record = recordOf([1, 0.8, 1.1], 1);
    expect(record).toEqual({ ratio: 1, share: 0.68 });
    expect(floorOf(record)).toBeLessThan(0.8);
  });

  test('has a floor that neither fails by chance nor accepts everything', () => {
    expect(recordOf([2, 2, 2], 2).share).toBe(0.75);
    expect(recordOf([2, 0.1, 2], 2).share).toBe(0.5);
  });
});
