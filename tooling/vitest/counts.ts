import { readFileSync } from 'node:fs';

/** How the tests of one package, or of all, came out. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** What is counted as failed though no test says so, one line each. */
  problems: string[];
}

/** What we read of Vitest's JSON report. */
interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

function read(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

/**
 * Counts one package's report. A missing report counts as one failure, and so
 * does a test file that failed before any of its tests ran.
 */
export function countReport(file: string, folder: string): Counts {
  const report = read(file);
  if (report === undefined) {
    return { passed: 0, failed: 1, skipped: 0, problems: [`${folder}: has tests, but wrote no report`] };
  }
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  const problems = broken.map(({ name, message }) => `${name}: ${(message ?? '').split('\n')[0]}`);
  if (!report.success && report.numFailedTests === 0 && broken.length === 0) {
    problems.push(`${folder}: the run failed outside of its tests`);
  }
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + problems.length,
    skipped: report.numPendingTests + report.numTodoTests,
    problems,
  };
}

/** Adds up the counts of several packages. */
export function sumCounts(all: readonly Counts[]): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0, problems: [] };
  for (const { passed, failed, skipped, problems } of all) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
    sum.problems.push(...problems);
  }
  return sum;
}

/** The last line of a run, made to be read by machines too. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
