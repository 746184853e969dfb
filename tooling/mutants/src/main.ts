/**
 * `npm run test:mutants`: breaks one rule at a time in a copy of a driver or of
 * the engine, and expects the contract suite, the simulation or the engine's
 * tests to fail. A surviving mutant shows a gap in these tests.
 *
 * Arguments select mutants: those whose subject and name contain every word.
 */
import process from 'node:process';
import { testPostgres } from '@querator/tooling-postgres';
import { type Mutant, StaleMutant } from './list/mutant.ts';
import { Sandbox } from './sandbox.ts';
import { mutantsOf, SUBJECTS, type Subject } from './subjects.ts';
import { runSuite, type Verdict } from './suite-run.ts';

/** The suite runs its random sequences last; most mutants fail earlier. */
const MODEL_RUNS = process.env['QUERATOR_MODEL_RUNS'] ?? '50';
/** As many as in `npm test`. */
const SIMULATION_RUNS = process.env['QUERATOR_SIMULATION_RUNS'] ?? '2000';

const words = process.argv.slice(2).map((word) => word.toLowerCase());
const isChosen = (subject: Subject, { name }: Mutant) =>
  words.every((word) => `${subject} ${name}`.toLowerCase().includes(word));

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Runs the tests against each mutant of a subject. @returns how many mutants survived. */
async function trySubject(
  subject: Subject,
  mutants: readonly Mutant[],
  postgresUrl: string,
): Promise<number> {
  const sandbox = new Sandbox(subject);
  const env = {
    QUERATOR_MODEL_RUNS: MODEL_RUNS,
    QUERATOR_SIMULATION_RUNS: SIMULATION_RUNS,
    QUERATOR_TEST_POSTGRES_URL: postgresUrl,
  };
  const run = () => runSuite(subject, sandbox.folder, env);
  let survivors = 0;
  // A failure proves something only if the original passes, before and after all mutants.
  const checkOriginal = async () => {
    sandbox.becomeOriginal();
    const original = await run();
    if (original.outcome !== 'passed')
      throw new Error(`${subject}: the original fails: ${describe(original)}`);
  };
  try {
    await checkOriginal();
    for (const mutant of mutants) {
      const started = Date.now();
      const verdict = await tryMutant(sandbox, mutant, run);
      if (verdict.outcome !== 'failed') survivors++;
      const seconds = ((Date.now() - started) / 1_000).toFixed(1).padStart(5);
      say(`${subject.padEnd(14)} ${mutant.name.padEnd(72)} ${seconds} s  ${describe(verdict)}`);
    }
    await checkOriginal();
  } finally {
    sandbox.remove();
  }
  return survivors;
}

async function tryMutant(sandbox: Sandbox, mutant: Mutant, run: () => Promise<Verdict>): Promise<Verdict> {
  try {
    sandbox.become(mutant);
  } catch (error) {
    if (!(error instanceof StaleMutant)) throw error;
    return { outcome: 'broken', reason: error.message };
  }
  return run();
}

function describe(verdict: Verdict): string {
  switch (verdict.outcome) {
    case 'failed':
      return `killed by: ${verdict.by.replace(/^storage contract: \S+ /, '')}`;
    case 'passed':
      return 'SURVIVED';
    case 'broken':
      return `BROKEN, tests nothing: ${verdict.reason}`;
  }
}

const chosen = SUBJECTS.map((subject) => ({
  subject,
  mutants: mutantsOf(subject).filter((mutant) => isChosen(subject, mutant)),
})).filter(({ mutants }) => mutants.length > 0);
const total = chosen.reduce((sum, { mutants }) => sum + mutants.length, 0);
if (total === 0) throw new Error(`no mutant is called '${words.join(' ')}'`);

const server = chosen.some(({ subject }) => subject.startsWith('postgres'))
  ? await testPostgres()
  : undefined;
let survivors = 0;
try {
  for (const { subject, mutants } of chosen) {
    survivors += await trySubject(subject, mutants, server?.connectionString ?? '');
  }
} finally {
  await server?.stop();
}
say(`${total - survivors} of ${total} mutants killed`);
process.exitCode = survivors === 0 ? 0 : 1;
