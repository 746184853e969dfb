import { describe, test } from 'vitest';
import { checkModel } from './check-model.ts';
import { PAST_FAILURES } from './past-failures.ts';
import { runSequence } from './run-sequence.ts';
import type { MakeStorage } from './service-under-test.ts';

/** Enough for thousands of sequences on a busy machine. */
const TIMEOUT_MS = 3_600_000;

/** Declares the model tests of a driver: first past failures, then random sequences. */
export function describeModel(driver: string, makeStorage: (partitions: number) => MakeStorage): void {
  describe(`the service follows the rules on ${driver}`, { timeout: TIMEOUT_MS }, () => {
    const stage = (partitions: number) => ({ partitions, makeStorage: makeStorage(partitions) });

    test.each(PAST_FAILURES)('repeats no past failure: $title', async ({ partitions, sequence }) => {
      await runSequence(stage(partitions), sequence);
    });

    test('with one partition, in exact order', async () => {
      await checkModel(stage(1), 1_000);
    });

    test('with three partitions, each in order', async () => {
      await checkModel(stage(3), 200);
    });
  });
}
