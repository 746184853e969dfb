import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_ALLOWANCES } from './checker/allowances.ts';
import { checkHistory } from './checker/check-history.ts';
import { describeHistory } from './checker/describe-history.ts';
import { minimise } from './checker/minimise.ts';
import { Shadows } from './checker/shadows.ts';
import { takingOf } from './checker/taking.ts';
import type { RuleName, Violation } from './checker/violation.ts';
import type { Given, History, Lease } from './history/history.ts';
import { saveHistory } from './history/history-file.ts';

/** What became of a history. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** What was broken; `drain` where the queue could not be emptied. None: all is well. */
  readonly rules: readonly (RuleName | 'drain')[];
  /** For people. */
  readonly text: string;
}

/**
 * Checks a history. One that fails is saved in the folder, as it is and made
 * as small as it gets, with the story of the small one as text beside it.
 */
export function judge(history: History, folder: string): Judgement {
  const violations = checkHistory(history);
  const [first] = violations;
  const about = `${history.origin}: ${summary(history)}`;
  if (first === undefined && history.drained) return { violations, rules: [], text: `${about}: accepted` };
  const file = join(folder, history.origin.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  saveHistory(`${file}.json`, history);
  if (first === undefined) {
    return { violations, rules: ['drain'], text: `${about}: NOT DRAINED; the history is in ${file}.json` };
  }
  const small = minimise(history, first);
  saveHistory(`${file}.small.json`, small);
  const story = describeHistory(small, first);
  writeFileSync(`${file}.txt`, `${story}\n`);
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  return {
    violations,
    rules,
    text: `${about}: FAILED, ${violations.length} violations of ${rules.join(', ')}; saved as ${file}.json\n${story}`,
  };
}

function summary(history: History): string {
  const { operations, disturbances, partitions } = history;
  const items = operations.reduce((sum, each) => sum + (each.call === 'produce' ? each.items.length : 0), 0);
  const unknown = operations.filter(({ outcome }) => outcome === 'unknown').length;
  const shadows = new Shadows(history, DEFAULT_ALLOWANCES);
  const leases = operations.filter(
    (each) => each.call === 'lease' && each.given.length > 0,
  ) as readonly Lease[];
  const about = { leaseTimeoutMs: history.leaseTimeoutMs, clockMs: DEFAULT_ALLOWANCES.clockMs };
  const lit = leases.filter(
    (lease) => !shadows.fallOn(takingOf(lease, lease.given[0] as Given, about)),
  ).length;
  return `${operations.length} operations (${unknown} with unknown outcome), ${items} items, ${partitions} partitions, ${disturbances.length} faults, order judged in ${lit} of ${leases.length} leases`;
}
