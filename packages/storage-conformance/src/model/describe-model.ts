import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fixture } from '../fixture/fixture.ts';
import type { StorageSetup } from '../fixture/storage-setup.ts';
import { type Command, commands } from './command.ts';
import { ModelRun } from './model-run.ts';
import { PAST_FAILURES } from './past-failures.ts';

const DEFAULT_RUNS = 100;
/** Enough for a thousand sequences of 40 commands on a database, on a busy machine. */
const TIMEOUT_MS = 1_200_000;

/**
 * Runs random sequences of commands and compares each step with a small model of
 * the documented rules. A failure is shrunk to the shortest failing sequence, and
 * shows the seed that repeats it (QUERATOR_MODEL_SEED).
 *
 * @param setup returns the setup of the suite. Only running tests call it.
 */
export function describeModel(setup: () => StorageSetup): void {
  describe('model', () => {
    test('the driver follows the rules, whatever the order of commands', {
      timeout: TIMEOUT_MS,
    }, async () => {
      await withFixture(setup(), async (fixture) => {
        await fc.assert(
          fc.asyncProperty(commands, (sequence) => runSequence(fixture, sequence)),
          {
            numRuns: numberFrom('QUERATOR_MODEL_RUNS') ?? setup().modelRuns ?? DEFAULT_RUNS,
            ...seedOf(numberFrom('QUERATOR_MODEL_SEED')),
          },
        );
      });
    });

    test.each(PAST_FAILURES)('does not fail again: $title', { timeout: TIMEOUT_MS }, async ({ sequence }) => {
      await withFixture(setup(), (fixture) => runSequence(fixture, sequence));
    });
  });
}

async function withFixture(setup: StorageSetup, body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const fixture = await Fixture.make(setup);
  try {
    await body(fixture);
  } finally {
    await fixture.close();
  }
}

/** Gives every sequence a partition of its own. */
async function runSequence(fixture: Fixture, sequence: readonly Command[]): Promise<void> {
  const store = fixture.partition();
  const { metadataFault } = await store.probe();
  const run = new ModelRun(store, fixture.clock, metadataFault === undefined);
  for (const [index, command] of sequence.entries()) {
    try {
      await run.step(command);
    } catch (cause) {
      const step = `command ${index + 1} of ${sequence.length}, ${JSON.stringify(command)}`;
      throw new Error(`the driver and the model differ after ${step}`, { cause });
    }
  }
  await store.drop();
  expect(await store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
}

function seedOf(seed: number | undefined) {
  return seed === undefined ? {} : { seed };
}

/** @throws Error if the variable is set to something that is not a count. */
function numberFrom(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const count = Number(text);
  if (!Number.isInteger(count)) throw new Error(`${variable} must be a whole number, and is '${text}'`);
  return count;
}
