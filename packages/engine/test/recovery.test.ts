import { expect, test } from 'vitest';
import { probeDelayMs } from '../src/lifecycle/back-off.ts';

test('pauses between probes grow by half, and never beyond five seconds (semantics.md, section 15)', () => {
  expect([1, 2, 3, 4, 5, 6].map((failures) => Math.round(probeDelayMs(failures)))).toEqual([
    750, 1125, 1688, 2531, 3797, 5000,
  ]);
  // The reference overflowed after 58 failures, and fell back to half a second.
  expect([58, 59, 1_000].map(probeDelayMs)).toEqual([5_000, 5_000, 5_000]);
});
