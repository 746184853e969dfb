import { expect, test } from 'vitest';
import { serverVersionFault } from './server-version.ts';

test.each([
  [90_624, '9.6.24'],
  [100_023, '10.23'],
  [110_022, '11.22 (Debian 11.22-1.pgdg120+1)'],
  [119_999, '11.9999'],
])('version %i is refused, and the error names it and the oldest supported one', (number, text) => {
  expect(serverVersionFault({ number, text })).toBe(
    `the server is PostgreSQL ${text}; PostgreSQL 12 or newer is needed`,
  );
});

test.each([
  [120_000, '12beta1'],
  [120_022, '12.22'],
  [180_004, '18.4'],
  [190_000, '19devel'],
])('version %i is accepted', (number, text) => {
  expect(serverVersionFault({ number, text })).toBeUndefined();
});
