import { median } from './percentile.ts';
import type { Outcome } from './work.ts';

/**
 * The outcome of several measurements that ran side by side in one process. Its
 * quantiles are the medians of theirs.
 */
export function together(outcomes: readonly Outcome[]): Outcome {
  const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, each) => total + pick(each), 0);
  const middle = (pick: (outcome: Outcome) => number) => median(outcomes.map(pick));
  const longest = (pick: (outcome: Outcome) => number) => Math.max(0, ...outcomes.map(pick));
  return {
    items: sum(({ items }) => items),
    requests: sum(({ requests }) => requests),
    seconds: longest(({ seconds }) => seconds),
    // Each outcome contains the processor time of the whole process.
    cpuSeconds: longest(({ cpuSeconds }) => cpuSeconds),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    p999Ms: middle(({ p999Ms }) => p999Ms),
  };
}
