import fc from 'fast-check';
import { commands } from './command.ts';
import { runSequence, type Stage } from './run-sequence.ts';

/**
 * Runs random sequences of commands and compares the service with the rules
 * after each command. A failing sequence is shrunk and described in words.
 *
 * @param runs the number of sequences. QUERATOR_MODEL_RUNS overrides it.
 */
export async function checkModel(stage: Stage, runs: number): Promise<void> {
  const seed = numberFrom('QUERATOR_MODEL_SEED');
  const result = await fc.check(
    fc.asyncProperty(commands, (sequence) => runSequence(stage, sequence)),
    { numRuns: numberFrom('QUERATOR_MODEL_RUNS') ?? runs, ...(seed !== undefined && { seed }) },
  );
  if (!result.failed) return;
  const failure = result.errorInstance instanceof Error ? result.errorInstance.message : '';
  const sequence = JSON.stringify(result.counterexample?.[0] ?? []);
  throw new Error(
    `sequence ${result.numRuns} broke a rule; shrunk ${result.numShrinks} times it is${failure}
  To repeat it: QUERATOR_MODEL_SEED=${result.seed}. For past-failures.ts:\n  ${sequence}`,
  );
}

/** @throws Error if the variable is set to something that is no count. */
function numberFrom(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const count = Number(text);
  if (!Number.isInteger(count)) throw new Error(`${variable} must be a whole number, and is '${text}'`);
  return count;
}
