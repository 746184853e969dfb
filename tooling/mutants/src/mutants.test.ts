import { describe, expect, test } from 'vitest';
import { MUTANTS, mutatedFiles, packageOf } from './driver-sources.ts';
import { DRIVERS, mutate } from './mutant.ts';

describe.each(DRIVERS)('the mutants of %s', (driver) => {
  test.each(MUTANTS[driver])('fit the sources: $name', (mutant) => {
    expect(mutatedFiles(packageOf(driver), mutant).size).toBeGreaterThan(0);
  });

  test('have names of their own', () => {
    const names = MUTANTS[driver].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('a mutant is stale when its place is gone, or not the only one', () => {
  const edit = { file: 'a.ts', find: 'one', replace: '$&two' };
  expect(mutate('zero one three', edit)).toBe('zero $&two three');
  expect(() => mutate('zero', edit)).toThrow('stale mutant: a.ts holds this 0 times');
  expect(() => mutate('one one', edit)).toThrow('stale mutant: a.ts holds this 2 times');
});
