import { expect, test } from 'vitest';
import { ITEMS_STORAGE_PARAMETERS, missingParameters, renderParameters } from './storage-parameters.ts';

test('a table without parameters lacks all of them', () => {
  expect(missingParameters(null)).toEqual(ITEMS_STORAGE_PARAMETERS);
});

test('values that an operator has set are kept', () => {
  const missing = missingParameters(['autovacuum_vacuum_threshold=7', 'fillfactor=70']);
  expect(Object.keys(missing).sort()).toEqual([
    'autovacuum_vacuum_cost_limit',
    'autovacuum_vacuum_scale_factor',
  ]);
  const all = Object.keys(ITEMS_STORAGE_PARAMETERS).map((name) => `${name}=1`);
  expect(missingParameters(all)).toEqual({});
});

test('are rendered for WITH and SET', () => {
  expect(renderParameters({ a: '1', b: '0.02' })).toBe('a = 1, b = 0.02');
});
