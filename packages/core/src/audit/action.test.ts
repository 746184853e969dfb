import { expect, test } from 'vitest';
import { actionOf, actionsOf } from './action.ts';

test('an action names its version, if that is not the first', () => {
  expect(actionOf('/v1/queues.delete')).toBe('queues.delete');
  expect(actionOf('/v1/storage/items.import')).toBe('storage/items.import');
  expect(actionOf('/v2/queues.delete')).toBe('v2/queues.delete');
});

test('a filter without a version means all versions', () => {
  expect(actionsOf('queues.delete')).toEqual(['queues.delete', 'v2/queues.delete']);
  expect(actionsOf('/queues.delete')).toEqual(['queues.delete', 'v2/queues.delete']);
  expect(actionsOf('v1/queues.delete')).toEqual(['queues.delete']);
  expect(actionsOf('/v1/queues.delete')).toEqual(['queues.delete']);
  expect(actionsOf('v2/queues.delete')).toEqual(['v2/queues.delete']);
});
