import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('measures the table of ratios by default, with or without the argument that pnpm adds', () => {
  expect(parseOptions([])).toMatchObject({ mode: 'ratios', only: [], runs: 5, seconds: 1.5, axes: {} });
  expect(parseOptions(['--', '--guard']).mode).toBe('guard');
});

test('reads lists', () => {
  const { axes, mode } = parseOptions([
    '--figures',
    '--batch',
    '1,100',
    '--operation',
    'mix',
    '--format',
    'json',
  ]);
  expect(mode).toBe('figures');
  expect(axes).toEqual({ batch: [1, 100], operation: ['mix'], format: ['json'] });
  expect(parseOptions(['--only', 'a,b']).only).toEqual(['a', 'b']);
  expect(parseOptions(['--against', '/x'])).toMatchObject({ mode: 'against', against: '/x' });
});

test.each([
  [['--runs', '0'], /--runs takes numbers above 0/],
  [['--batch', '1,x'], /--batch takes numbers above 0/],
  [['--operation', 'push'], /--operation push: expected produce/],
  [['--fast'], /--fast/],
])('refuses %j', (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});
