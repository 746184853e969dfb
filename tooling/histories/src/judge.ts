import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_ALLOWANCES } from './checker/allowances.ts';
import { checkHistory } from './checker/check-history.ts';
import { describeHistory } from './checker/describe-history.ts';
import { minimise } from './checker/minimise.ts';
import { Shadows } from './checker/shadows.ts';
import { takingOf } from './checker/taking.ts';
import type { RuleName, Violation } from './checker/violation.ts';
import type { History } from './history/history.ts';
import { saveHistory } from './history/history-file.ts';

/** What became of a history. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** What was broken; `drain` where the queue could not be emptied. None: all is well. */
  readonly rules: readonly (RuleName | 'drain')[];
  /** How many of the leases that brought items are proof of the order; in those others something may have been hidden. */
  readonly order: { readonly judged: number; readonly leases: number };
  /** For people. */
  readonly text: string;
}

/**
 * Checks a history. One that fails is saved in the folder, as it is and made
 * as small as it gets, with the story of the small one as text beside it.
 */
export function judge(history: History, folder: string): Judgement {
  const violations = checkHistory(history);
  const order = orderJudged(history);
  const [first] = violations;
  const about = `${history.origin}: ${summary(history)}, order judged in ${order.judged} of ${order.leases} leases`;
  const file = join(folder, history.origin.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  const isGood = first === undefined && history.drained;
  if (!isGood) saveHistory(`${file}.json`, history);
  if (first === undefined) {
    const text = isGood ? 'accepted' : `NOT DRAINED; the history is in ${file}.json`;
    return { violations, rules: isGood ? [] : ['drain'], order, text: `${about}: ${text}` };
  }
  const small = minimise(history, first);
  saveHistory(`${file}.small.json`, small);
  const story = describeHistory(small, first);
  writeFileSync(`${file}.txt`, `${story}\n`);
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  const text = `FAILED, ${violations.length} violations of ${rules.join(', ')}; saved as ${file}.json\n${story}`;
  return { violations, rules, order, text: `${about}: ${text}` };
}

function orderJudged(history: History): Judgement['order'] {
  const shadows = new Shadows(history, DEFAULT_ALLOWANCES);
  const clocks = { leaseTimeoutMs: history.leaseTimeoutMs, clockMs: DEFAULT_ALLOWANCES.clockMs };
  let [judged, leases] = [0, 0];
  for (const operation of history.operations) {
    if (operation.call !== 'lease') continue;
    const [first] = operation.given;
    if (first === undefined) continue;
    leases++;
    if (!shadows.fallOn(takingOf(operation, first, clocks))) judged++;
  }
  return { judged, leases };
}

function summary({ operations, disturbances, partitions }: History): string {
  const items = operations.reduce((sum, each) => sum + (each.call === 'produce' ? each.items.length : 0), 0);
  const unknown = operations.filter(({ outcome }) => outcome === 'unknown').length;
  return `${operations.length} operations (${unknown} with unknown outcome), ${items} items, ${partitions} partitions, ${disturbances.length} faults`;
}
