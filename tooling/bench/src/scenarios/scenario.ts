import type { Side } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { median } from '../workload/percentile.ts';
import type { Outcome } from '../workload/work.ts';

/** The options of every scenario. */
export interface RunOptions {
  readonly seconds: number;
  /** Measurements of each side, in turns. */
  readonly runs: number;
  readonly payloadBytes: number;
  /** Whether rows that take minutes use a smaller form. */
  readonly short?: boolean | undefined;
}

/** The result of a scenario. */
export interface Ratio {
  /** Median of the runs' ratios, with the least and the greatest. */
  readonly ratio: number;
  readonly least: number;
  readonly greatest: number;
  /** Medians, in `unit`. */
  readonly baseline: number;
  readonly subject: number;
  readonly unit: string;
  /** Other figures of interest, by name. */
  readonly details: Readonly<Record<string, number>>;
}

/** A row of the table of ratios. */
export interface Scenario {
  readonly name: string;
  /** The two sides of the comparison. */
  readonly title: string;
  /** The target of the ratio: at least, or at most. */
  readonly atLeast?: number;
  readonly atMost?: number;
  run(bed: TestBed, options: RunOptions): Promise<Ratio>;
}

/** Measures two sides in turns, after a short warm-up of each. */
export async function byTurns(
  runs: number,
  baseline: () => Promise<number>,
  subject: () => Promise<number>,
): Promise<Omit<Ratio, 'unit' | 'details'>> {
  await baseline();
  await subject();
  const baselines: number[] = [];
  const subjects: number[] = [];
  for (let run = 0; run < runs; run++) {
    // The order alternates, since the second of a pair may run on a warmer machine.
    if (run % 2 === 0) baselines.push(await baseline());
    subjects.push(await subject());
    if (run % 2 === 1) baselines.push(await baseline());
  }
  const ratios = subjects.map((figure, run) => figure / (baselines[run] as number));
  return {
    ratio: median(ratios),
    least: Math.min(...ratios),
    greatest: Math.max(...ratios),
    baseline: median(baselines),
    subject: median(subjects),
  };
}

/** Items per second of a measurement. */
export function rateOf({ items, seconds }: Outcome): number {
  return items / seconds;
}

/** Items per second of a side. */
export function rate(side: Side): () => Promise<number> {
  return async () => rateOf(await side());
}
