import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addGroups, NO_COUNTS } from '../src/screens/items/group-counts.ts';
import { conditionsOf, conditionsOfFilter, filterOf } from '../src/screens/items/item-filter.ts';
import { localOfUtc, utcOfLocal } from '../src/screens/items/local-time.ts';

describe('conditions of an address', () => {
  test('become the filter of the API', () => {
    const conditions = {
      id: 'a1, b2',
      kind: 'order',
      payload: 'é',
      metadata: 'tenant=blue, a=b=c',
      due_to: 'T',
    };
    expect(filterOf(conditions)).toEqual({
      ids: ['a1', 'b2'],
      kind: 'order',
      payload: 'w6k=',
      metadata: { tenant: 'blue', a: 'b=c' },
      due: { to: 'T' },
    });
  });

  test('and parameters that are none are left out', () => {
    expect(filterOf(conditionsOf({ kind: 'order', tab: 'x', cursor: 'y', state: '' }))).toEqual({
      kind: 'order',
    });
  });

  test.each([
    { id: ' , ' },
    { metadata: '{}' },
    { metadata: ',' },
    { metadata: 'tenant' },
    { metadata: '{"a":1}' },
    { metadata: '{' },
  ])('that would be none at the server are refused: %o', (conditions) => {
    expect(() => filterOf(conditions)).toThrow(/^(Id|Metadata): expected/);
  });

  test('are those of a link to what a task takes', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).map((each) => each.toWellFormed());
    const id = fc.stringMatching(/^[0-9a-zA-Z]{1,27}$/);
    const filter = fc.record(
      {
        state: fc.constantFrom('waiting', 'leased'),
        ids: fc.array(id, { minLength: 1, maxLength: 3 }),
        reference: text,
        error: text,
        source_queue: text,
        without_error: fc.constant(true),
        metadata: fc.dictionary(text, text, { minKeys: 1 }),
        payload: text.map((each) => Buffer.from(each).toString('base64')),
        created: fc.record({ from: fc.constant('2026-01-31T12:00:00.123456Z') }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(filter, (filter) => {
        expect(filterOf(conditionsOfFilter(filter))).toEqual(filter);
      }),
    );
  });
});

test('counts of groups add up to all, however many groups there are', () => {
  const reply = fc.array(fc.record({ value: fc.string({ maxLength: 2 }), count: fc.nat(9) }));
  fc.assert(
    fc.property(fc.array(fc.tuple(reply, fc.nat(9))), (replies) => {
      const sum = replies.reduce((counts, [groups, others]) => addGroups(counts, groups, others), NO_COUNTS);
      const listed = sum.groups.reduce((total, { count }) => total + count, 0);
      const given = replies.flatMap(([groups, others]) => [...groups.map(({ count }) => count), others]);
      expect(listed + sum.others).toBe(sum.total);
      expect(sum.total).toBe(given.reduce((a, b) => a + b, 0));
    }),
  );
});

test('a time of the address is the same one in every time zone', () => {
  expect(utcOfLocal(localOfUtc('2026-03-29T00:30:05Z'))).toBe('2026-03-29T00:30:05Z');
  expect([localOfUtc(''), localOfUtc('soon'), utcOfLocal('')]).toEqual(['', '', '']);
});
