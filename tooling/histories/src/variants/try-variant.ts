import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '@querator/tooling-processes';
import { judge } from '../judge.ts';
import {
  crashDatabase,
  type DatabaseUnderTest,
  type Fault,
  failOver,
  killInstance,
  loseAnswers,
} from '../run/faults.ts';
import { postgresRun } from '../run/postgres-run.ts';
import { nameOf, type Variant } from './variant.ts';

const HOOK = fileURLToPath(new URL('./load-hook.ts', import.meta.url));
const RUNS = fileURLToPath(new URL('./memory-runs.ts', import.meta.url));

/** The result of a variant's runs. */
export interface Trial {
  /** The number of runs, including the one that caught it. */
  readonly runs: number;
  /** The broken rules. Empty: the variant was not caught. */
  readonly rules: readonly string[];
  /** The judgement of the last history. */
  readonly text: string;
}

/**
 * Runs the engine on memory in a child process until a history fails. Without a
 * variant the engine is unchanged.
 */
export async function tryOnMemory(folder: string, seeds: number, variant?: Variant): Promise<Trial> {
  const hook = variant === undefined ? [] : ['--import', HOOK];
  const { firstSeed = 1, seedStep = 1, shownBy } = variant ?? {};
  const fault = shownBy === undefined ? [] : [`${shownBy.operation} ${shownBy.kind}`];
  const chosen = [firstSeed, seeds, seedStep].map(String).concat(fault);
  const args = ['--conditions=@querator/source', ...hook, RUNS, folder, ...chosen];
  const name = variant === undefined ? {} : { HISTORIES_VARIANT: nameOf(variant) };
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...programEnvironment(), ...name },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`'${variant?.name ?? 'memory'}' ended with code ${code}`);
  return JSON.parse(output) as Trial;
}

/**
 * Runs servers of a variant on PostgreSQL until a history fails.
 *
 * @throws Error when a run breaks off.
 */
export async function tryOnPostgres(
  database: DatabaseUnderTest,
  folder: string,
  variant: Variant,
): Promise<Trial> {
  for (let runs = 1; ; runs++) {
    const seed = variant.firstSeed + (runs - 1) * variant.seedStep;
    const history = await postgresRun(database, {
      seed,
      origin: `${nameOf(variant)}, seed ${seed}`,
      variant: nameOf(variant),
      ...{ instances: 2, calmMs: 3_000, faults: 3, drainMs: 15_000 },
      kinds: kindsFor(variant),
    });
    const { rules, text } = judge(history, folder);
    // A run that broke off proves nothing.
    if (history.brokenOff !== undefined) throw new Error(text);
    if (rules.length > 0 || runs === variant.seeds) return { runs, rules, text };
  }
}

function kindsFor({ onFailover, onKill }: Variant): readonly Fault[] {
  if (onFailover) return [failOver];
  return onKill ? [killInstance] : [crashDatabase, loseAnswers, killInstance];
}
