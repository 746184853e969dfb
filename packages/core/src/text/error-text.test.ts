import { expect, test } from 'vitest';
import { echo, errorText, verbatim } from './error-text.ts';

test('repeats a value of up to 100 characters as it is', () => {
  for (const value of ['', 'a name', 'x'.repeat(100), '😀'.repeat(100)]) expect(echo(value)).toBe(value);
});

test('cuts a longer value to 100 characters, of which the last is an ellipsis', () => {
  expect(echo('x'.repeat(101))).toBe(`${'x'.repeat(99)}…`);
  expect(echo('x'.repeat(5_000_000))).toBe(`${'x'.repeat(99)}…`);
});

test('does not split a surrogate pair', () => {
  expect(echo('😀'.repeat(101))).toBe(`${'😀'.repeat(99)}…`);
  expect(echo(`x${'😀'.repeat(300)}`)).toBe(`x${'😀'.repeat(98)}…`);
});

test('shortens every string in a text, but no number and no text of our own', () => {
  const long = 'x'.repeat(101);
  const cut = `${'x'.repeat(99)}…`;
  expect(errorText`'${long}' of ${12} and ${2n ** 70n}; ${verbatim(long)}.`).toBe(
    `'${cut}' of 12 and 1180591620717411303424; ${long}.`,
  );
});
