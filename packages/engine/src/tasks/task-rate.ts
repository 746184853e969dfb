import { type Duration, microseconds } from '@querator/core';

/** The most items of one step. */
const STEP_ITEMS = 1_000;
/** A task with a rate takes this many steps a second, so that its items come evenly. */
const STEPS_A_SECOND = 4;

/** The most items that a step of a task with this rate may handle. @param rate items a second. Undefined: no limit. */
export function stepItems(rate: number | undefined): number {
  if (rate === undefined) return STEP_ITEMS;
  return Math.min(Math.ceil(rate / STEPS_A_SECOND), STEP_ITEMS);
}

/** How long so many items take at this rate. Undefined: the task has none. */
export function pauseAfter(items: number, rate: number | undefined): Duration | undefined {
  return rate === undefined ? undefined : microseconds(BigInt(Math.ceil((items * 1_000_000) / rate)));
}
