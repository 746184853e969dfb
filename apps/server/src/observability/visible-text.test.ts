import { describe, expect, test } from 'vitest';
import { visibleLine, visibleText } from './visible-text.ts';

describe('visible text', () => {
  test.each([
    ['a control of C0', 'a\u001b[31mb', 'a\\u001b[31mb'],
    ['a carriage return', 'a\rb', 'a\\u000db'],
    ['NUL and delete', '\0\u007f', '\\u0000\\u007f'],
    ['a control of C1', 'a\u009b31mb', 'a\\u009b31mb'],
    ['overrides and isolates of direction', '\u202ea\u2066b\u2069', '\\u202ea\\u2066b\\u2069'],
    ['marks of direction', '\u200e\u200f\u061c', '\\u200e\\u200f\\u061c'],
    ['zero width', 'a\u200bb\u200c\u200d\u2060\ufeff', 'a\\u200bb\\u200c\\u200d\\u2060\\ufeff'],
    ['a soft hyphen', 'a\u00adb', 'a\\u00adb'],
    ['fillers', '\u3164\u115f\uffa0', '\\u3164\\u115f\\uffa0'],
    ['variation selectors', 'a\ufe0f', 'a\\ufe0f'],
    ['tags beyond the first plane', 'a\u{e0041}', 'a\\udb40\\udc41'],
    ['separators of lines and paragraphs', '\u2028\u2029', '\\u2028\\u2029'],
    ['half a surrogate pair', 'a\ud800b', 'a\\ud800b'],
  ])('shows %s', (_, text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  test.each([
    'orders',
    'a~b "c" \\u202e',
    'größe',
    'cafe\u0301',
    '注文',
    'заказ',
    'طلب',
    '😀',
    'a\nb\tc',
    '',
  ])('keeps %j', (text) => {
    expect(visibleText(text)).toBe(text);
  });

  test('JSON means the same afterwards', () => {
    const value = { '\u202e': ['\u009b', '\u{e0041}', 'a\nb', '\ud800'] };
    const text = visibleText(JSON.stringify(value, undefined, 2));
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
    expect(JSON.parse(text)).toEqual(value);
  });

  test('a line stays one', () => {
    expect(visibleLine('a\nb\tc\u2028d')).toBe('a\\nb\\tc\\u2028d');
  });
});
