import { checkHistory } from './checker/check-history.ts';
import type { Finding } from './checker/describe-history.ts';
import { minimise } from './checker/minimise.ts';
import type { History } from './history/history.ts';
import { isDrainer } from './run/drain.ts';

/** How many of the last calls tell how it ended. */
const LAST_CALLS = 8;

/**
 * What a queue that could not be emptied is left with: of the items that
 * nobody settled the first, with all that happened to it, and the last calls
 * that were to empty the queue.
 */
export function leftOver(history: History): { readonly finding: Finding; readonly small: History } {
  const last = history.operations.filter(({ client }) => isDrainer(client)).slice(-LAST_CALLS);
  // If it were empty, what is left would be lost.
  const emptied = { ...history, drained: true };
  const left = checkHistory(emptied).filter(({ rule }) => rule === 'losses');
  const [first] = left;
  if (first === undefined) {
    const text =
      'the queue could not be emptied, or schedules did not end, and the queue holds nothing that was acknowledged and not settled';
    return {
      finding: { rule: 'drain', text },
      small: { ...history, operations: last, disturbances: [], releases: undefined },
    };
  }
  const { operations, disturbances } = minimise(emptied, first);
  const numbers = new Set([...operations, ...last].map(({ number }) => number));
  const text = `the queue could not be emptied: ${left.length} items are left, such as ${first.items[0]}`;
  return {
    finding: { rule: 'drain', text },
    small: {
      ...{ ...history, disturbances, releases: undefined },
      operations: history.operations.filter(({ number }) => numbers.has(number)),
    },
  };
}
