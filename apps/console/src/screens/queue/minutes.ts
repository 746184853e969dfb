import type { QueueMinute, QueueRates } from '../../api/queue-rates.ts';
import type { ChartData } from '../../charts/chart-data.ts';

const MINUTE_S = 60;

/**
 * The rates of a queue as lines: items a second, averaged over steps of some minutes. Minutes in which
 * nothing happened are not in the reply, and are 0 here.
 *
 * @param spanMinutes how far back.
 * @param stepMinutes how many minutes become one point.
 */
export function rateLines(
  { now, minutes = [] }: QueueRates,
  spanMinutes: number,
  stepMinutes: number,
): ChartData {
  const step = stepMinutes * MINUTE_S;
  // The minute that contains now is not complete: it would look like a fall.
  const end = Math.floor(Date.parse(now) / 1000 / step) * step;
  const count = Math.floor(spanMinutes / stepMinutes);
  const times = Array.from({ length: count }, (_, at) => end - (count - at) * step);
  const sums = new Map<number, QueueMinute[]>();
  for (const minute of minutes) {
    const at = Math.floor(Date.parse(minute.minute) / 1000 / step) * step;
    sums.set(at, [...(sums.get(at) ?? []), minute]);
  }
  const line = (field: 'produced' | 'leased' | 'completed' | 'retried' | 'dead') =>
    times.map((at) => (sums.get(at) ?? []).reduce((sum, minute) => sum + (minute[field] ?? 0), 0) / step);
  return {
    times,
    series: [
      { label: 'Produced', color: 1, values: line('produced') },
      { label: 'Leased', color: 4, values: line('leased') },
      { label: 'Completed', color: 3, values: line('completed') },
      { label: 'Retried', color: 2, values: line('retried') },
      { label: 'Dead', color: 5, values: line('dead') },
    ],
  };
}

/** How a span is cut into points of a chart. */
export interface ChartSpan {
  readonly name: string;
  readonly label: string;
  readonly minutes: number;
  readonly step: number;
}

export const SPANS: readonly ChartSpan[] = [
  { name: '1h', label: '1 hour', minutes: 60, step: 1 },
  { name: '6h', label: '6 hours', minutes: 360, step: 5 },
  { name: '24h', label: '24 hours', minutes: 1_440, step: 15 },
];
