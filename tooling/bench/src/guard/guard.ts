import type { RunOptions, Scenario } from '../scenarios/scenario.ts';
import type { TestBed } from '../testbed/test-bed.ts';

/** What was recorded for a row: the ratio, and the share of it that has to be there. */
export interface Recorded {
  readonly ratio: number;
  /** A ratio below this share of the recorded one is a regression. */
  readonly share: number;
}

/** Recorded rows by name. */
export type Baseline = Readonly<Record<string, Recorded>>;

/** How a row fared. */
export interface Verdict {
  readonly name: string;
  readonly title: string;
  readonly recorded: number;
  /** The least that passes. */
  readonly floor: number;
  /** The best of the tries. */
  readonly ratio: number;
  readonly tries: number;
  readonly passed: boolean;
}

/**
 * The rows that CI looks at: short, and each about another part of the way.
 * Those against the raw connection take the database and the server as a whole;
 * the others do not depend on the disk.
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

/** A machine that is shared has bad moments: a row that fails is measured anew before it counts. */
const TRIES = 3;

/** The short form of a measurement. */
export const GUARD_RUN: RunOptions = { seconds: 0.3, runs: 3, payloadBytes: 100, short: true };

/**
 * Measures a row until it passes, or has failed too often. The best try
 * counts: what slows a machine down for a while makes one try bad, a
 * regression all of them.
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

/** The least ratio that passes. */
export function floorOf({ ratio, share }: Recorded): number {
  return ratio * share;
}

/** How far below the median of the recorded runs a single one may lie before the floor is set lower. */
const MARGIN = 0.85;
/** No floor is closer to the recorded ratio than this, nor so far away that nothing is ever found. */
const CLOSEST = 0.75;
const FARTHEST = 0.5;

/**
 * Makes a record of what several measurements of a row came to: their median,
 * and a floor somewhat below the worst of them.
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
