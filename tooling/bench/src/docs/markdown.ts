import type { Figure } from '../figures/figure.ts';
import { nameOf } from '../report/figure-table.ts';
import { isReached, type RatioRow } from '../report/ratio-table.ts';
import { formatCount } from '../report/table.ts';

const BEGIN = '<!-- figures: written by tooling/bench/src/docs -->';
const END = '<!-- end of figures -->';

/** Replaces the text between the marks of a page. @throws Error when the page has no marks. */
export function putBetweenMarks(page: string, text: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no marks: ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

/** The table of measured ratios. */
export function ratioMarkdown(rows: readonly RatioRow[]): string {
  return table(
    ['row', 'baseline', 'measured', 'ratio', 'spread', 'wanted', 'reached'],
    rows.map((row) => [
      `\`${row.name}\``,
      `${figure(row.baseline)} ${row.unit}`,
      `${figure(row.subject)} ${row.unit}`,
      row.ratio.toFixed(2),
      `${row.least.toFixed(2)} to ${row.greatest.toFixed(2)}`,
      wanted(row),
      wanted(row) === '' ? '' : isReached(row) ? 'yes' : 'no',
    ]),
  );
}

/** Items per second beside their ceilings, latency at half of that rate, and the cost of an item. */
export function figureMarkdown(figures: readonly Figure[]): string {
  return table(
    [
      ...['items/s', 'raw', 'service', 'HTTP', 'p50', 'p99', 'p99.9'],
      ...['server µs', 'PostgreSQL µs', 'WAL bytes', 'commits', 'statements'],
    ],
    figures.map((each) => [
      nameOf(each),
      each.raw === undefined ? '' : formatCount(each.raw.median),
      formatCount(each.service.median),
      formatCount(each.http.median),
      ...[each.latency?.p50Ms, each.latency?.p99Ms, each.latency?.p999Ms].map((ms) =>
        ms === undefined ? '' : `${ms.toFixed(1)} ms`,
      ),
      ...[each.cost.serverCpuUs, each.cost.postgresCpuUs, each.cost.walBytes].map(figure),
      ...[each.cost.commits, each.cost.statements].map(figure),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

function wanted({ atLeast, atMost }: RatioRow): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

/** Three significant digits. JSON has no NaN, so an unmeasured value is null. */
function figure(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  if (Math.abs(value) >= 100) return formatCount(value);
  return String(Number(value.toPrecision(3)));
}
