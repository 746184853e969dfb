import { expect, test } from 'vitest';
import { itemsTableName, partitionLabel } from './table-name.ts';

test.each([
  ['my-queue', 0, 'items_255436d8bdc5_000000'],
  ['my-queue', 1, 'items_255436d8bdc5_000001'],
  ['orders', 12, 'items_12c500ed0b78_000012'],
  ['Überfällig', 1023, 'items_3be00bafdd6c_001023'],
])('%s, partition %i: %s', (queue, partition, name) => {
  expect(itemsTableName({ queue, partition })).toBe(name);
  expect(partitionLabel({ queue, partition })).toBe(name.slice('items_'.length));
});
