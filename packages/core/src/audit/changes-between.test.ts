import { expect, test } from 'vitest';
import { changesBetween } from './changes-between.ts';

test('only settings that differ are changes', () => {
  const before = { limit: 0, name: 'a', permissions: ['queue.list', 'queue.stats'], same: ['x'] };
  const after = { limit: 9, name: 'b', permissions: ['queue.list'], same: ['x'] };
  expect(changesBetween(before, after)).toEqual([
    { field: 'limit', before: '0', after: '9' },
    { field: 'name', before: 'a', after: 'b' },
    { field: 'permissions', before: 'queue.list queue.stats', after: 'queue.list' },
  ]);
  expect(changesBetween(after, after)).toEqual([]);
});

test('a change past the characters that are shown is a change', () => {
  const long = 'x'.repeat(1_000);
  const [change] = changesBetween({ text: `${long}a` }, { text: `${long}b` });
  expect(change).toEqual({ field: 'text', before: `${'x'.repeat(99)}…`, after: `${'x'.repeat(99)}…` });
  const many = Array.from({ length: 60 }, () => 'p');
  const [cut] = changesBetween({ list: many }, { list: [] });
  expect(cut).toEqual({ field: 'list', before: Array(50).fill('p').join(' '), after: '' });
});
