import { expect, test } from 'vitest';
import { placePartitions } from './placement.ts';

test('partitions are numbered from 0 in the order of the storages', () => {
  const placed = placePartitions(5, [
    { name: 'east', affinity: 2 },
    { name: 'closed', affinity: 0 },
    { name: 'west', affinity: 3 },
  ]);
  expect(placed).toEqual([
    { partition: 0, storageName: 'east' },
    { partition: 1, storageName: 'east' },
    { partition: 2, storageName: 'west' },
    { partition: 3, storageName: 'west' },
    { partition: 4, storageName: 'west' },
  ]);
});
