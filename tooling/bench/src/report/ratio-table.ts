import type { Ratio, Scenario } from '../scenarios/scenario.ts';
import { formatCount, formatTable } from './table.ts';

/** One measured row of the table of ratios. */
export interface RatioRow extends Ratio, Pick<Scenario, 'name' | 'title' | 'atLeast' | 'atMost'> {}

/** Whether a row reaches its target. */
export function isReached({ ratio, atLeast, atMost }: RatioRow): boolean {
  return ratio >= (atLeast ?? Number.NEGATIVE_INFINITY) && ratio <= (atMost ?? Number.POSITIVE_INFINITY);
}

/** The table of ratios as text. */
export function formatRatios(rows: readonly RatioRow[]): string {
  return formatTable(
    ['', 'baseline', 'measured', 'unit', 'ratio', 'spread', 'wanted', ''],
    rows.map((row) => [
      `${row.name}: ${row.title}`,
      formatFigure(row.baseline),
      formatFigure(row.subject),
      row.unit,
      row.ratio.toFixed(2),
      `${row.least.toFixed(2)}..${row.greatest.toFixed(2)}`,
      wanted(row),
      isReached(row) ? 'yes' : 'NO',
    ]),
  );
}

function wanted({ atLeast, atMost }: RatioRow): string {
  if (atLeast !== undefined) return `>= ${atLeast}`;
  return atMost === undefined ? '' : `<= ${atMost}`;
}

function formatFigure(figure: number): string {
  return Math.abs(figure) < 100 ? figure.toFixed(3) : formatCount(figure);
}
