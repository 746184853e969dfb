import { type NewQueue, parseDuration } from '@querator/core';

/** A queue whose settings all differ from their defaults, apart from the overrides. */
export function newQueue(name: string, overrides: Partial<NewQueue> = {}): NewQueue {
  return {
    name,
    namespace: `namespace of ${name}`,
    leaseTimeout: parseDuration('1m'),
    expireTimeout: parseDuration('24h'),
    deadQueue: '',
    maxAttempts: 3,
    reference: `reference of ${name}`,
    requestedPartitions: 2,
    partitions: [
      { partition: 0, storageName: 'first' },
      { partition: 1, storageName: 'second' },
    ],
    ...overrides,
  };
}
