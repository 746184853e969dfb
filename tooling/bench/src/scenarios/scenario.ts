import type { Side } from '../testbed/sides.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { median } from '../workload/percentile.ts';
import type { Outcome } from '../workload/work.ts';

/** What every scenario is told. */
export interface RunOptions {
  readonly seconds: number;
  /** So many times each side is measured, by turns. */
  readonly runs: number;
  readonly payloadBytes: number;
  /** Whether rows that take minutes are measured in a smaller form. */
  readonly short?: boolean | undefined;
}

/** What a scenario came to. */
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
  /** What is set against what. */
  readonly title: string;
  /** The ratio to reach: at least, or at most. */
  readonly atLeast?: number;
  readonly atMost?: number;
  run(bed: TestBed, options: RunOptions): Promise<Ratio>;
}

/** Measures two sides by turns, after one short turn of each that does not count. */
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
    // The second turn of a pair may find a warmer machine: neither side has it always.
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

/** Items a second of a measurement. */
export function rateOf({ items, seconds }: Outcome): number {
  return items / seconds;
}

/** A side's items a second. */
export function rate(side: Side): () => Promise<number> {
  return async () => rateOf(await side());
}
