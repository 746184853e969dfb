import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countOf, formatBytes, formatCount, formatRate } from '../src/text/number.ts';
import { formatSpan, parseSpan } from '../src/text/span.ts';
import { formatDistance, formatTime } from '../src/text/time.ts';
import { visibleStretches } from '../src/text/visible.ts';

test.each([
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['250ms', 250],
  ['100us', 0.1],
  ['-2m', -120_000],
  ['0s', 0],
])('the span %s has %d ms', (text, ms) => {
  expect(parseSpan(text)).toBe(ms);
});

test.each([undefined, '', 'soon', '1', '5 s', '1h-3m'])('%s is no span', (text) => {
  expect(parseSpan(text)).toBeUndefined();
});

test.each([
  [0, '0 ms'],
  [0.25, '250 µs'],
  [850, '850 ms'],
  [1_940, '1.9 s'],
  [59_999, '59 s'],
  [252_000, '4 min 12 s'],
  [7_200_000, '2 h'],
  [183_600_000, '2 d 3 h'],
  [-5_000, '−5.0 s'],
])('%d ms are %s', (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test('numbers are grouped, and have no more digits than mean something', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect(countOf(1, 'item')).toBe('1 item');
  expect(countOf(2_000, 'entry', 'entries')).toBe('2,000 entries');
  expect([512, 1_536, 5 * 2 ** 20].map(formatBytes)).toEqual(['512 B', '1.5 KiB', '5.0 MiB']);
  expect([0, 0.004, 0.05, 3.21, 1_250].map(formatRate)).toEqual(['0', '<0.01', '0.05', '3.2', '1,250']);
});

test('times are said as distances, and what is no time as it is', () => {
  expect(formatDistance(10_000, 5_000)).toBe('in 5.0 s');
  expect(formatDistance(0, 90_000)).toBe('1 min 30 s ago');
  expect(formatDistance(100, 0)).toBe('now');
  expect(formatTime('never')).toBe('never');
});

describe('hidden characters', () => {
  const joined = (text: string, lines = false) =>
    visibleStretches(text, { lines })
      .map(({ text, code }) => (code === undefined ? text : `[${code}]`))
      .join('');

  test('show their codes', () => {
    expect(joined('pay\u202Eroll')).toBe('pay[U+202E]roll');
    expect(joined('a\u0000\u200b\ufeffb')).toBe('a[U+0000][U+200B][U+FEFF]b');
    expect(joined('\ud800')).toBe('[U+D800]');
    expect(joined('{"a":\n\t1}')).toBe('{"a":[U+000A][U+0009]1}');
    expect(joined('{"a":\n\t1}', true)).toBe('{"a":\n\t1}');
  });

  test('are all that changes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(
          visibleStretches(text)
            .map((stretch) => stretch.text)
            .join(''),
        ).toBe(text);
      }),
    );
    expect(joined('Grüße, 注文, عربى')).toBe('Grüße, 注文, عربى');
  });
});
