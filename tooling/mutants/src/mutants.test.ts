import { describe, expect, test } from 'vitest';
import { mutate, SUBJECTS } from './mutant.ts';
import { MUTANTS, mutatedFiles, packageOf } from './subject-sources.ts';

describe.each(SUBJECTS)('the mutants of %s', (subject) => {
  test.each(MUTANTS[subject])('fit the sources: $name', (mutant) => {
    expect(mutatedFiles(packageOf(subject), mutant).size).toBeGreaterThan(0);
  });

  test('have names of their own', () => {
    const names = MUTANTS[subject].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('a mutant is stale when its place is gone, or not the only one', () => {
  const edit = { file: 'a.ts', find: 'one', replace: '$&two' };
  expect(mutate('zero one three', edit)).toBe('zero $&two three');
  expect(() => mutate('zero', edit)).toThrow('stale mutant: a.ts holds this 0 times');
  expect(() => mutate('one one', edit)).toThrow('stale mutant: a.ts holds this 2 times');
});
