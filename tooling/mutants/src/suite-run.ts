import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type Subject, suiteOf } from './subjects.ts';

/** How a package's suite ended. */
export type Verdict =
  | { readonly outcome: 'passed' }
  /** A test failed. `by` is its name, or the seed and the first violation that the simulation reports. */
  | { readonly outcome: 'failed'; readonly by: string }
  /** The copy does not run, so nothing was tested. */
  | { readonly outcome: 'broken'; readonly reason: string };

/** The shared Vitest settings write the report there. */
const REPORT = join('test-results', 'report.json');
/** Many times what the suite takes: a mutant may loop forever. */
const TIME_LIMIT_MS = 240_000;
/** The simulation's first lines: the seed, and the first violation. */
const SEED = /seed \d+: .*\n.*/;
/** The mutant's code is invalid, so the failed test has noticed nothing. */
const IS_NO_PROGRAM = /SyntaxError|ReferenceError|SQLSTATE 42/;

interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** Runs the suite of a package's copy, to its first failure. */
export async function runSuite(subject: Subject, folder: string, env: NodeJS.ProcessEnv): Promise<Verdict> {
  const reportFile = join(folder, REPORT);
  rmSync(reportFile, { force: true });
  const vitest = join(folder, 'node_modules', 'vitest', 'vitest.mjs');
  const args = ['run', ...suiteOf(subject), '--bail=1'];
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: folder,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, since a looping worker outlives its parent.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), TIME_LIMIT_MS);
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  if (signal !== null) return { outcome: 'failed', by: `no end within ${TIME_LIMIT_MS / 1_000} s` };
  return readVerdict(reportFile) ?? { outcome: 'broken', reason: output.trim().slice(-500) };
}

function readVerdict(reportFile: string): Verdict | undefined {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    return undefined;
  }
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.find(({ status }) => status === 'failed');
  if (failed !== undefined) {
    const reason = failed.failureMessages?.join('\n') ?? '';
    if (IS_NO_PROGRAM.test(reason)) return { outcome: 'broken', reason: reason.slice(0, 500) };
    return { outcome: 'failed', by: SEED.exec(reason)?.[0].replace('\n', ', ') ?? failed.fullName };
  }
  if (report.success && report.numPassedTests > 0) return { outcome: 'passed' };
  return { outcome: 'broken', reason: report.testResults.map(({ message }) => message ?? '').join('\n') };
}
