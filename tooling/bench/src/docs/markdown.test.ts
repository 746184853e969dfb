import { describe, expect, test } from 'vitest';
import type { RatioRow } from '../report/ratio-table.ts';
import { putBetweenMarks, ratioMarkdown } from './markdown.ts';

const marks = ['<!-- figures: written by tooling/bench/src/docs -->', '<!-- end of figures -->'] as const;

describe('the text between the marks', () => {
  test('is replaced, and the rest of the page stays', () => {
    const page = `# A\n\n${marks[0]}\n\nold\n\n${marks[1]}\n\nafter\n`;
    const once = putBetweenMarks(page, 'new');
    expect(once).toBe(`# A\n\n${marks[0]}\n\nnew\n\n${marks[1]}\n\nafter\n`);
    expect(putBetweenMarks(once, 'new')).toBe(once);
  });

  test('needs marks in the page', () => {
    expect(() => putBetweenMarks('# A\n', 'new')).toThrow(/no marks/);
  });
});

test('a ratio shows its target, and whether it was reached', () => {
  const row: RatioRow = {
    ...{ name: 'handover', title: 't', atMost: 2, unit: 'ms', details: {} },
    ...{ ratio: 2.5, least: 1, greatest: 3, baseline: 0.1234, subject: 1_234.5 },
  };
  expect(ratioMarkdown([row]).split('\n')[2]).toBe(
    '| `handover` | 0.123 ms | 1,235 ms | 2.50 | 1.00 to 3.00 | ≤ 2 | no |',
  );
});
