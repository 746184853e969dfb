import { visibleLine } from '../../observability/visible-text.ts';
import type { QueueRow } from './queue-watch.ts';

/** What a table may be sorted by, and the key that a user presses for it. The largest values come first, names in their order. */
export const SORT_KEYS = {
  queue: 'n',
  waiting: 'w',
  leased: 'l',
  scheduled: 's',
  dead: 'd',
  head: 'a',
  net: 'r',
} as const;

export type SortKey = keyof typeof SORT_KEYS;

const NUMBERS: Readonly<Record<Exclude<SortKey, 'queue'>, (row: QueueRow) => number | undefined>> = {
  waiting: (row) => row.waiting,
  leased: (row) => row.leased,
  scheduled: (row) => row.scheduled,
  dead: (row) => row.dead,
  head: (row) => row.headAgeMs,
  net: (row) => row.netPerSecond,
};

/** The rows in the order of a key; those without a value last, and equal ones by name. */
export function sorted(rows: readonly QueueRow[], key: SortKey): readonly QueueRow[] {
  const byName = (a: QueueRow, b: QueueRow) => (a.queue < b.queue ? -1 : 1);
  if (key === 'queue') return rows.toSorted(byName);
  const numberOf = (row: QueueRow) => NUMBERS[key](row) ?? Number.NEGATIVE_INFINITY;
  return rows.toSorted((a, b) => {
    const [ofA, ofB] = [numberOf(a), numberOf(b)];
    return ofA === ofB ? byName(a, b) : ofB - ofA;
  });
}

const HEADS: readonly (readonly [key: SortKey, head: string])[] = [
  ['waiting', 'WAITING'],
  ['leased', 'LEASED'],
  ['scheduled', 'SCHED'],
  ['dead', 'DEAD'],
  ['head', 'HEAD'],
  ['net', 'NET/S'],
];
const CELL_WIDTH = 8;
const NUMBERS_WIDTH = HEADS.length * (CELL_WIDTH + 1);
const SMALLEST_NAME_WIDTH = 8;

/**
 * The lines of a table that fit in a width. The head that it is sorted by has a mark.
 *
 * @param columns the width in characters.
 */
export function queueTable(rows: readonly QueueRow[], key: SortKey, columns: number): readonly string[] {
  const nameWidth = Math.max(columns - NUMBERS_WIDTH, SMALLEST_NAME_WIDTH);
  const mark = (head: string, of: SortKey) => (of === key ? `${head}*` : head);
  const heads = HEADS.map(([of, head]) => mark(head, of).padStart(CELL_WIDTH));
  const lines = sorted(rows, key).map((row) => [
    fitted(visibleLine(row.queue), nameWidth),
    ...cellsOf(row).map((text) => text.padStart(CELL_WIDTH)),
  ]);
  return [[fitted(mark('QUEUE', 'queue'), nameWidth), ...heads], ...lines].map((cells) =>
    cells.join(' ').slice(0, columns),
  );
}

function cellsOf(row: QueueRow): readonly string[] {
  const { waiting, leased, scheduled, dead, headAgeMs, countAgeMs, netPerSecond } = row;
  const counts = countAgeMs === undefined ? ['?', '?', '?'] : [waiting, leased, scheduled].map(shortNumber);
  return [
    ...counts,
    dead === undefined ? '-' : shortNumber(dead),
    headAgeMs === undefined ? '-' : shortAge(headAgeMs),
    netPerSecond === undefined ? '-' : signed(netPerSecond),
  ];
}

function fitted(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

/** A number of at most 7 characters. Large ones are rounded. */
function shortNumber(value: number): string {
  if (value < 1_000_000) return String(Math.round(value));
  return value < 1_000_000_000
    ? `${(value / 1_000_000).toFixed(1)}M`
    : `${(value / 1_000_000_000).toFixed(1)}G`;
}

function signed(value: number): string {
  const size = Math.abs(value);
  const text = size < 100 ? size.toFixed(1) : shortNumber(size);
  if (text === '0.0') return '0';
  return `${value < 0 ? '-' : '+'}${text}`;
}

/** An age in its largest unit, and the next one. */
function shortAge(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d${hours % 24}h`;
}
