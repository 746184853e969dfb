// A program with two workers, which a test stops by signals.
import { instantFromMilliseconds } from '@querator/core';
import { type QueueSource, worker } from '../../../src/index.ts';

/** A queue with one item. */
function source(payload: string): QueueSource {
  let isLeased = false;
  return {
    extend: undefined,
    lease: (_, signal) => {
      if (isLeased) {
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }
      isLeased = true;
      const item = {
        ...{ id: '1', attempts: 1, encoding: '', kind: '', reference: '' },
        payload: new TextEncoder().encode(payload),
        leaseDeadline: instantFromMilliseconds(Date.now() + 60_000),
      };
      return Promise.resolve({ partition: 0, items: [item] });
    },
    complete: async () => new Map(),
    retry: async () => {
      process.stdout.write(`${payload} given back\n`);
      return new Map();
    },
  };
}

for (const name of ['first', 'second']) {
  worker(source(name), {
    queue: name,
    hooks: {
      started: () => process.stdout.write(`${name} started\n`),
      completed: () => process.stdout.write(`${name} completed\n`),
      failed: () => {},
    },
    handler: (_, { signal }) =>
      new Promise<void>((resolve, reject) => {
        process.stdin.once('data', () => resolve());
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  });
}
