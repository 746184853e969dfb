import { globSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseMutants } from './list/parse-mutants.ts';
import { SourceTree } from './sources/source-tree.ts';
import { mutantsOf, packageOf, SUBJECTS, suiteOf } from './subjects.ts';

describe.each(SUBJECTS)('the mutants of %s', (subject) => {
  const sources = SourceTree.ofPackages([packageOf(subject)]);
  const mutants = mutantsOf(subject);

  test.each(mutants)('fit the sources: $name', (mutant) => {
    expect(sources.mutated(mutant).size).toBeGreaterThan(0);
  });

  test('have distinct names', () => {
    const names = mutants.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('have tests that must fail', () => {
    const files = globSync('{src,test}/**/*.test.ts', { cwd: packageOf(subject) });
    const [named] = suiteOf(subject).join(' ').split(' -t ');
    for (const part of named?.split(' ') ?? [])
      expect(
        files.filter((file) => file.includes(part)),
        part,
      ).not.toEqual([]);
  });
});

const SOURCE = `
export class Stack<T> {
  readonly #items: T[] = [];

  push(item: T): void {
    this.#items.push(item, {
      at: now,
    });
  }

  pop(): T | undefined {
    return this.#items.pop();
  }
}

export function now(): number {
  return 1;
}
`;

/** The source, changed by a mutant of these lines. */
function mutated(...lines: readonly string[]): string | undefined {
  const [mutant] = parseMutants(['broken', ...lines.map((line) => `  ${line}`)].join('\n'));
  if (mutant === undefined) throw new Error('no mutant');
  return new SourceTree([['stack.ts', SOURCE]]).mutated(mutant).get('stack.ts');
}

describe('an edit', () => {
  test.each(['pop', 'Stack.pop', 'Stack'])('applies in the place %s', (place) => {
    const changed = SOURCE.replace('return this.#items.pop();', () => 'return $&undefined;');
    expect(mutated(`in ${place}`, '- this.#items.pop()', '+ $&undefined')).toBe(changed);
  });

  test('keeps the text marked with =', () => {
    expect(mutated('in now', '+ void 0;', '= return 1;')).toBe(
      SOURCE.replace('return 1', 'void 0;\nreturn 1'),
    );
  });

  test('ignores the layout of the source', () => {
    expect(mutated('in push', '- push(item, {at: now})', '+ push(item)')).toContain(
      'this.#items.push(item);',
    );
  });

  test('fills wildcards of the replacement with the text that those of the pattern matched', () => {
    const swapped = ['in push', '- this.#items.push(…, {…})', '+ this.#items.push({…}, …)'];
    expect(mutated(...swapped)).toContain('push({item}, at: now)');
  });

  test.each([
    ['is gone', ['in now', '- return 2;'], "'now' holds this 0 times"],
    ['is not the only one', ['in Stack', '- #items'], "'Stack' holds this 3 times"],
    ['has another name', ['in peek', '- return'], "'peek' holds this 0 times"],
  ])('is stale if its place %s', (_, lines, message) => {
    expect(() => mutated(...lines)).toThrow(`stale mutant 'broken': ${message}`);
  });
});

test.each([
  ['a line that is none', 'broken\n  in now\n  * 1\n', 'line 3'],
  ['an edit without a place', 'broken\n  - 1\n', 'line 2'],
  ['an edit that changes nothing', 'broken\n  in now\n  = 1\n', 'nothing changes in now'],
])('a list is refused with %s', (_, list, message) => {
  expect(() => parseMutants(list)).toThrow(message);
});
