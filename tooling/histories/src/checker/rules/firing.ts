import type { Firings, History } from '../../history/history.ts';
import type { Violation } from '../violation.ts';

/**
 * Each time of a schedule is fired once, or counted as missed, as its policy says. If the
 * history was not drained, some times may still come.
 */
export function firing({
  firings = [],
  drained,
}: Pick<History, 'firings' | 'drained'>): readonly Violation[] {
  return firings.flatMap(({ schedule, policy, times, fired, missed, stored }) => {
    const due = dueOf({ policy, times });
    const isRight = fired === due && missed === times - due && stored === due;
    const isPossible = fired <= due && missed <= times - due && stored <= due;
    if (drained ? isRight : isPossible) return [];
    const text = `the schedule '${schedule}' had to fire ${due} of ${times} times: it counts ${fired} and ${missed} missed, and ${stored} items are stored`;
    return [{ rule: 'firing' as const, items: [schedule], operations: [], text }];
  });
}

function dueOf({ policy, times }: Pick<Firings, 'policy' | 'times'>): number {
  switch (policy) {
    case 'all':
      return times;
    case 'one':
      return Math.min(times, 1);
    case 'skip':
      return 0;
  }
}
