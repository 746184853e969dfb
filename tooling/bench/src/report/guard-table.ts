import type { Verdict } from '../guard/guard.ts';
import { formatTable } from './table.ts';

/** The guard's results as a table. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  return formatTable(
    ['', 'recorded', 'least', 'measured', 'tries', ''],
    verdicts.map(({ name, title, recorded, floor, ratio, tries, passed }) => [
      `${name}: ${title}`,
      recorded.toFixed(2),
      floor.toFixed(2),
      ratio.toFixed(2),
      String(tries),
      passed ? 'ok' : 'FELL',
    ]),
  );
}
