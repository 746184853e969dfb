import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../src/address/address-text.ts';

test('an address holds a path and parameters, in one spelling', () => {
  expect(
    formatAddress(['queues', 'a/b c'], { sort: '-waiting', filter: 'x&y', cursor: undefined, none: '' }),
  ).toBe('#/queues/a%2Fb%20c?filter=x%26y&sort=-waiting');
  expect(parseAddress('#/queues/a%2Fb%20c?filter=x%26y')).toEqual({
    path: ['queues', 'a/b c'],
    params: { filter: 'x&y' },
  });
});

test('whatever is in an address comes back', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 });
  const names = fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), names, (path, params) => {
      expect(parseAddress(formatAddress(path, params))).toEqual({ path, params });
    }),
  );
});

test('an address that was typed by hand is read as far as it goes', () => {
  expect(parseAddress('')).toEqual({ path: [], params: {} });
  expect(parseAddress('#/queues/%zz')).toEqual({ path: ['queues', '%zz'], params: {} });
  fc.assert(fc.property(fc.string(), (hash) => void parseAddress(hash)));
});
