import type { QueueDescription } from '../../api/queues.ts';
import type { ChartData } from '../../charts/chart-data.ts';
import { parseSpan } from '../../text/span.ts';

/** What a queue held at one time, as this page saw it. */
interface Sample {
  /** In seconds since 1970. */
  readonly at: number;
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** In seconds. Null: no item waited. */
  readonly headAge: number | null;
  /** How long half of the items were held, and 95 per cent, in seconds. Null: none was completed. */
  readonly p50: number | null;
  readonly p95: number | null;
}

const MAX_SAMPLES = 720;

/** What queues held since the page was opened, by their names. Servers keep no such history. */
const seen = new Map<string, readonly Sample[]>();

/** Adds what a queue holds now. @param at in milliseconds since 1970. @returns all samples of the queue. */
export function addSample(queue: string, described: QueueDescription, at: number): readonly Sample[] {
  const samples = seen.get(queue) ?? [];
  const last = samples.at(-1);
  const second = Math.floor(at / 1000);
  if (last !== undefined && last.at >= second) return samples;
  const { waiting = 0, leased = 0, scheduled = 0, head_age } = described;
  const { count = 0, p50, p95 } = described.handling ?? {};
  const inSeconds = (span: string | undefined) => {
    const ms = parseSpan(span);
    return ms === undefined ? null : ms / 1000;
  };
  const sample = {
    at: second,
    waiting,
    leased,
    scheduled,
    headAge: inSeconds(head_age),
    p50: count === 0 ? null : inSeconds(p50),
    p95: count === 0 ? null : inSeconds(p95),
  };
  const all = [...samples, sample].slice(-MAX_SAMPLES);
  seen.set(queue, all);
  return all;
}

/** A line begins that many seconds before the first sample at least: one point alone has no scale. */
const SHORTEST_S = 120;

/** The samples as columns, with a time before them if they are of a shorter time. */
function columnsOf(samples: readonly Sample[]) {
  const first = samples[0]?.at ?? 0;
  const last = samples.at(-1)?.at ?? 0;
  const isShort = last - first < SHORTEST_S;
  return {
    times: [...(isShort ? [last - SHORTEST_S] : []), ...samples.map(({ at }) => at)],
    column: (of: (sample: Sample) => number | null) => [...(isShort ? [null] : []), ...samples.map(of)],
  };
}

/** The counts as lines. */
export function depthLines(samples: readonly Sample[]): ChartData {
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

/** The age of the head in seconds as a line. */
export function ageLine(samples: readonly Sample[]): ChartData {
  const { times, column } = columnsOf(samples);
  return {
    times,
    series: [{ label: 'Oldest waiting item', color: 2, values: column(({ headAge }) => headAge) }],
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
