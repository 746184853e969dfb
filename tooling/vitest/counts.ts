import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** The results of the tests of one package, or of all packages. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Each failure with its reason: failed tests, and failures outside of tests. */
  failures: string[];
}

/** The fields of Vitest's JSON report that we read. */
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
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Long enough for the seed and the counterexample of a property, and for a short difference. */
const SHOWN_LINES = 40;

/** The text of an error, without the stack frames of libraries. */
function shown(message: string): string {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules|<anonymous>)/.test(line));
  return lines
    .slice(0, SHOWN_LINES)
    .map((line) => `    ${line}`)
    .join('\n');
}

function read(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

/**
 * Counts one package's report. A missing report counts as one failure. So does
 * a test file that failed before any of its tests ran.
 */
export function countReport(file: string, folder: string): Counts {
  const report = read(file);
  if (report === undefined) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`${folder}: has tests, but wrote no report`] };
  }
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  const problems = broken.map(({ name, message }) => `${name}\n${shown(message ?? '')}`);
  if (!report.success && report.numFailedTests === 0 && broken.length === 0) {
    problems.push(`${folder}: the run failed outside of its tests`);
  }
  const failedTests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${name}: ${fullName}\n${shown(failureMessages.join('\n'))}`),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + problems.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: [...failedTests, ...problems],
  };
}

/** Adds up the counts of several packages. */
export function sumCounts(all: readonly Counts[]): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const { passed, failed, skipped, failures } of all) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
    sum.failures.push(...failures);
  }
  return sum;
}

/** The last line of a run, in a format for machines. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
