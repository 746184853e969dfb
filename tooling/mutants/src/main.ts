/**
 * `npm run test:mutants`: breaks the drivers, one rule at a time, in a copy,
 * and expects the contract suite to fail. A mutant that survives shows a hole
 * in the suite.
 *
 * Arguments choose mutants: all whose driver and name hold each of the words.
 */
import process from 'node:process';
import { testPostgres } from '@querator/tooling-postgres';
import { runContract, type Verdict } from './contract-run.ts';
import { MUTANTS } from './driver-sources.ts';
import { DRIVERS, type DriverName, type Mutant, StaleMutant } from './mutant.ts';
import { Sandbox } from './sandbox.ts';

/** The suite's random sequences come last; most mutants die long before. */
const MODEL_RUNS = process.env['QUERATOR_MODEL_RUNS'] ?? '50';

const words = process.argv.slice(2).map((word) => word.toLowerCase());
const isChosen = (driver: DriverName, { name }: Mutant) =>
  words.every((word) => `${driver} ${name}`.toLowerCase().includes(word));

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Tries one driver's mutants. @returns how many were not killed. */
async function tryDriver(
  driver: DriverName,
  mutants: readonly Mutant[],
  postgresUrl: string,
): Promise<number> {
  const sandbox = new Sandbox(driver);
  const env = { QUERATOR_MODEL_RUNS: MODEL_RUNS, QUERATOR_TEST_POSTGRES_URL: postgresUrl };
  let survivors = 0;
  // A failure means something only where the original passes; and it still must when all is done.
  const checkOriginal = async () => {
    sandbox.becomeOriginal();
    const original = await runContract(sandbox.folder, env);
    if (original.outcome !== 'passed')
      throw new Error(`${driver}: the original fails: ${describe(original)}`);
  };
  try {
    await checkOriginal();
    for (const mutant of mutants) {
      const started = Date.now();
      const verdict = await tryMutant(sandbox, mutant, env);
      if (verdict.outcome !== 'failed') survivors++;
      const seconds = ((Date.now() - started) / 1_000).toFixed(1).padStart(5);
      say(`${driver.padEnd(8)} ${mutant.name.padEnd(52)} ${seconds} s  ${describe(verdict)}`);
    }
    await checkOriginal();
  } finally {
    sandbox.remove();
  }
  return survivors;
}

async function tryMutant(sandbox: Sandbox, mutant: Mutant, env: NodeJS.ProcessEnv): Promise<Verdict> {
  try {
    sandbox.become(mutant);
  } catch (error) {
    if (!(error instanceof StaleMutant)) throw error;
    return { outcome: 'broken', reason: error.message };
  }
  return runContract(sandbox.folder, env);
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

const chosen = DRIVERS.map((driver) => ({
  driver,
  mutants: MUTANTS[driver].filter((mutant) => isChosen(driver, mutant)),
})).filter(({ mutants }) => mutants.length > 0);
const total = chosen.reduce((sum, { mutants }) => sum + mutants.length, 0);
if (total === 0) throw new Error(`no mutant is called '${words.join(' ')}'`);

const server = chosen.some(({ driver }) => driver === 'postgres') ? await testPostgres() : undefined;
let survivors = 0;
try {
  for (const { driver, mutants } of chosen) {
    survivors += await tryDriver(driver, mutants, server?.connectionString ?? '');
  }
} finally {
  await server?.stop();
}
say(`${total - survivors} of ${total} mutants killed`);
process.exitCode = survivors === 0 ? 0 : 1;
