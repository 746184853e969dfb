import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_ALLOWANCES } from './checker/allowances.ts';
import { checkHistory } from './checker/check-history.ts';
import { describeHistory } from './checker/describe-history.ts';
import { HiddenTimes } from './checker/hidden-times.ts';
import { minimise } from './checker/minimise.ts';
import { takingOf } from './checker/taking.ts';
import type { RuleName, Violation } from './checker/violation.ts';
import type { History, LetterTask } from './history/history.ts';
import { saveHistory } from './history/history-file.ts';
import { leftOver } from './left-over.ts';

/** The judgement of a history. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /**
   * The broken rules; `drain` if the queue could not be emptied, `run` if the run
   * broke off. Empty: accepted.
   */
  readonly rules: readonly (RuleName | 'drain' | 'run')[];
  /**
   * The number of leases with items whose order proves something. Others may have
   * been affected by hidden items.
   */
  readonly order: { readonly judged: number; readonly leases: number };
  /** For people. */
  readonly text: string;
}

/** Checks a history. A failed one is saved in the folder, as it is, reduced, and as text. */
export function judge(history: History, folder: string): Judgement {
  const violations = checkHistory(history);
  const order = orderJudged(history);
  const about = `${history.origin}: ${summary(history)}, order judged in ${order.judged} of ${order.leases} leases`;
  const broken = [...new Set(violations.map(({ rule }) => rule))];
  const ends = endsOf(history, violations);
  const rules = [...broken, ...ends];
  if (rules.length === 0) return { violations, rules, order, text: `${about}: accepted` };
  const file = join(folder, history.origin.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  saveHistory(`${file}.json`, history);
  const words = [
    ...(broken.length > 0 ? [`FAILED, ${violations.length} violations of ${broken.join(', ')}`] : []),
    ...(ends.includes('drain') ? ['NOT DRAINED'] : []),
    ...(ends.includes('run') ? [`BROKEN OFF: ${history.brokenOff}`] : []),
  ];
  const tale = taleOf(history, violations, ends);
  if (tale !== undefined) {
    saveHistory(`${file}.small.json`, tale.small);
    writeFileSync(`${file}.txt`, `${tale.story}\n`);
    words.push(`saved as ${file}.json\n${tale.story}`);
  } else words.push(`saved as ${file}.json`);
  return { violations, rules, order, text: `${about}: ${words.join('; ')}` };
}

/** What was wrong with how a run ended. */
function endsOf(
  { drained, brokenOff }: History,
  violations: readonly Violation[],
): readonly ('drain' | 'run')[] {
  if (brokenOff !== undefined) return ['run'];
  // What is broken otherwise mostly tells why the queue could not be emptied.
  return drained || violations.length > 0 ? [] : ['drain'];
}

/** The small history, and its story. Nothing: a run broke off, and up to then all is well. */
function taleOf(history: History, [first]: readonly Violation[], ends: readonly string[]) {
  if (first !== undefined) {
    const small = minimise(history, first);
    return { small, story: describeHistory(small, first) };
  }
  if (!ends.includes('drain')) return undefined;
  const { small, finding } = leftOver(history);
  return { small, story: describeHistory(small, finding) };
}

function orderJudged(history: History): Judgement['order'] {
  const hidden = new HiddenTimes(history, DEFAULT_ALLOWANCES);
  const clocks = { leaseTimeoutMs: history.leaseTimeoutMs, clockMs: DEFAULT_ALLOWANCES.clockMs };
  let [judged, leases] = [0, 0];
  for (const operation of history.operations) {
    if (operation.call !== 'lease' || operation.queue !== undefined) continue;
    const [first] = operation.given;
    if (first === undefined) continue;
    leases++;
    if (!hidden.overlaps(takingOf(operation, first, clocks))) judged++;
  }
  return { judged, leases };
}

function summary(history: History): string {
  const { operations, disturbances, partitions, maxAttempts, firings = [], movedItems } = history;
  const produces = operations.filter((each) => each.call === 'produce');
  const items = produces.reduce((sum, each) => sum + each.items.length, 0);
  const unknown = operations.filter(({ outcome }) => outcome === 'unknown').length;
  const transactions = produces.filter(({ outbox, outcome }) => outbox && outcome === 'ok').length;
  const tasks = operations.filter((each) => each.call === 'task');
  const handled = (kind: LetterTask['kind']) =>
    tasks.reduce((sum, task) => sum + (task.kind === kind ? (task.end?.done ?? 0) : 0), 0);
  const cancelled = tasks.filter(({ end }) => end?.state === 'cancelled').length;
  const moves = operations.filter((each) => each.call === 'move');
  const ended = (state: string) => moves.filter(({ end }) => end?.state === state).length;
  return [
    `${operations.length} operations (${unknown} with unknown outcome), ${items} items`,
    ...(transactions === 0 ? [] : [`${transactions} transactions with an outbox`]),
    ...(maxAttempts === undefined
      ? []
      : [
          `${handled('redrive')} letters returned and ${handled('delete')} deleted by ${tasks.length} tasks (${cancelled} cancelled)`,
        ]),
    ...(firings.length === 0
      ? []
      : [`${firings.reduce((sum, { fired }) => sum + fired, 0)} firings of ${firings.length} schedules`]),
    ...(moves.length === 0
      ? []
      : [`${ended('done')} moves of partitions (${ended('cancelled')} more were cancelled)`]),
    ...(movedItems === undefined
      ? []
      : [`${movedItems.produced.length} items moved ${movedItems.moves} times to another queue`]),
    `${partitions} partitions, ${disturbances.length} faults`,
  ].join(', ');
}
