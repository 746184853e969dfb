import type { RunOptions, Scenario } from '../scenarios/scenario.ts';
import type { TestBed } from '../testbed/test-bed.ts';

/** The recorded ratio of a row, and the share of it that a run has to reach. */
export interface Recorded {
  readonly ratio: number;
  /** A ratio below this share of the recorded one is a regression. */
  readonly share: number;
}

/** Recorded rows by name. */
export type Baseline = Readonly<Record<string, Recorded>>;

/** The result of a row. */
export interface Verdict {
  readonly name: string;
  readonly title: string;
  readonly recorded: number;
  /** The lowest ratio that passes. */
  readonly floor: number;
  /** The best try. */
  readonly ratio: number;
  readonly tries: number;
  readonly passed: boolean;
}

/**
 * The rows that CI measures: short, and each about another part of the path. The
 * rows against the raw connection cover database and server; the others do not
 * depend on the disk.
 */
export const GUARDED = [
  'produce-100',
  'lease-100',
  'complete-100',
  'mix-100',
  'json-bytes',
  'memory-1',
  'many-queues',
  'many-partitions',
  'counted-queue',
] as const;

/** A shared machine is slow at times, so a row that fails is measured again. */
const TRIES = 3;

/** The short form of a measurement. */
export const GUARD_RUN: RunOptions = { seconds: 0.3, runs: 3, payloadBytes: 100, short: true };

/**
 * Measures a row until it passes, or has failed too often. The best try counts: a
 * slow moment of the machine affects one try, a regression all of them.
 */
export async function guardRow(
  bed: TestBed,
  { run, ...row }: Scenario,
  recorded: Recorded,
): Promise<Verdict> {
  const floor = floorOf(recorded);
  let best = Number.NEGATIVE_INFINITY;
  let tries = 0;
  while (tries < TRIES && best < floor) {
    tries++;
    const { ratio } = await run(bed, GUARD_RUN);
    best = Math.max(best, ratio);
    await bed.clear();
  }
  const { name, title } = row;
  return { name, title, recorded: recorded.ratio, floor, ratio: best, tries, passed: best >= floor };
}

/** The lowest ratio that passes. */
export function floorOf({ ratio, share }: Recorded): number {
  return ratio * share;
}

/** A recorded run this share below the median lowers the floor. */
const MARGIN = 0.85;
/**
 * Limits of a floor: not so close to the recorded ratio that noise fails, nor so
 * far that a regression passes.
 */
const CLOSEST = 0.75;
const FARTHEST = 0.5;

/**
 * Makes the record of a row: the median of its measurements, and a floor slightly
 * below the worst.
 *
 * @param ratios at least one.
 */
export function recordOf(ratios: readonly number[], median: number): Recorded {
  const worst = Math.min(...ratios) / median;
  const share = Math.min(CLOSEST, Math.max(FARTHEST, worst * MARGIN));
  return { ratio: round(median), share: round(share) };
}

function round(figure: number): number {
  return Math.round(figure * 100) / 100;
}
