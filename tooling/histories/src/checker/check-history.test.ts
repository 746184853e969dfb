import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulateHistory } from '../../test/simulated-history.ts';
import { checkHistory } from './check-history.ts';

const options = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
  partitions: fc.integer({ min: 1, max: 3 }),
  producers: fc.integer({ min: 1, max: 4 }),
  consumers: fc.integer({ min: 1, max: 4 }),
  faults: fc.boolean(),
  clears: fc.boolean(),
  outboxClients: fc.integer({ min: 0, max: 2 }),
  letters: fc.boolean(),
});

test('accepts the histories of a queue that follows the rules, whatever its clients do', () => {
  fc.assert(
    fc.property(options, (chosen) => {
      expect(checkHistory(simulateHistory(chosen)).map(({ rule, text }) => `${rule}: ${text}`)).toEqual([]);
    }),
    { numRuns: 80 },
  );
});
