import type { QueueRates } from '../../api/queue-rates.ts';
import type { ChartData } from '../../charts/chart-data.ts';
import { parseSpan } from '../../text/span.ts';

/** What a queue held at one time, as this page saw it. */
export interface Sample {
  /** In seconds since 1970. */
  readonly at: number;
  /** When the items were counted, which may be before. Null: not yet, or long before. */
  readonly countedAt: number | null;
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** In seconds. Null: no item waited. */
  readonly headAge: number | null;
  /** How long half of the items were held, and 95 per cent, in seconds. Null: none was completed. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** A span in seconds. Null: it is absent. */
export function inSeconds(span: string | undefined): number | null {
  const ms = parseSpan(span);
  return ms === undefined ? null : ms / 1000;
}

/** A line begins that many seconds before the first sample at least: one point alone has no scale. */
const SHORTEST_S = 120;
/** Samples that are further apart are not joined: between them no item came or went, or no server ran. */
const GAP_S = 180;

/** What a queue held, without what only this page knows. */
type DepthSample = Pick<Sample, 'at' | 'waiting' | 'leased' | 'scheduled' | 'headAge'>;

/** What servers have noted of a queue, and after that what this page saw. */
export function depthHistory(
  { now, minutes = [] }: QueueRates,
  spanMinutes: number,
  samples: readonly Sample[],
) {
  const from = Date.parse(now) / 1000 - spanMinutes * 60;
  const counted = samples.flatMap(({ countedAt, waiting, leased, scheduled, headAge }): DepthSample[] =>
    countedAt === null || countedAt < from ? [] : [{ at: countedAt, waiting, leased, scheduled, headAge }],
  );
  // Several looks may find the same count.
  const seen = counted.filter(({ at }, n) => n === 0 || at > (counted[n - 1]?.at ?? 0));
  const first = seen[0]?.at ?? Number.POSITIVE_INFINITY;
  const noted = minutes.flatMap(({ minute, depth }): DepthSample[] => {
    const at = Date.parse(minute) / 1000;
    if (depth === undefined || at < from || at >= first) return [];
    const { waiting = 0, leased = 0, scheduled = 0, head_age } = depth;
    return [{ at, waiting, leased, scheduled, headAge: inSeconds(head_age) }];
  });
  return [...noted, ...seen];
}

/** The samples as columns, with a gap where none is for long, and a time before them if they are of a shorter time. */
function columnsOf<Of extends { readonly at: number }>(samples: readonly Of[]) {
  const first = samples[0]?.at ?? 0;
  const last = samples.at(-1)?.at ?? 0;
  const points: (Of | { readonly at: number; readonly gap: true })[] = [];
  if (last - first < SHORTEST_S) points.push({ at: last - SHORTEST_S, gap: true });
  for (const [n, sample] of samples.entries()) {
    const before = samples[n - 1]?.at;
    if (before !== undefined && sample.at - before > GAP_S) points.push({ at: before + 60, gap: true });
    points.push(sample);
  }
  return {
    times: points.map(({ at }) => at),
    column: (of: (sample: Of) => number | null) => points.map((point) => ('gap' in point ? null : of(point))),
  };
}

/** The counts as lines. */
export function depthLines(samples: readonly DepthSample[]): ChartData {
  const { times, column } = columnsOf(samples);
  return {
    times,
    series: [
      { label: 'Waiting', color: 1, values: column(({ waiting }) => waiting) },
      { label: 'Leased', color: 4, values: column(({ leased }) => leased) },
      { label: 'Scheduled', color: 6, values: column(({ scheduled }) => scheduled) },
    ],
  };
}

/** The age of the oldest waiting item in seconds as a line: 0 while none waits. */
export function ageLine(samples: readonly DepthSample[]): ChartData {
  const { times, column } = columnsOf(samples);
  return {
    times,
    series: [{ label: 'Oldest waiting item', color: 2, values: column(({ headAge }) => headAge ?? 0) }],
  };
}

/** How long consumers held items, in seconds. */
export function handlingLines(samples: readonly Sample[]): ChartData {
  const { times, column } = columnsOf(samples);
  return {
    times,
    series: [
      { label: 'Half of the items', color: 3, values: column(({ p50 }) => p50) },
      { label: '95 % of the items', color: 2, values: column(({ p95 }) => p95) },
    ],
  };
}
