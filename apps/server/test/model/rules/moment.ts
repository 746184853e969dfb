import { addDuration, type Instant, milliseconds } from '@querator/core';

/**
 * A point in time, as exact as the rules define it. A request happens at an exact
 * time. A deadline takes effect within a limited time after it is due.
 */
export interface Moment {
  readonly from: Instant;
  readonly to: Instant;
}

export function exactly(at: Instant): Moment {
  return { from: at, to: at };
}

/** The moment a number of milliseconds after another. */
export function after(moment: Moment, ms: number): Moment {
  return { from: plus(moment.from, ms), to: plus(moment.to, ms) };
}

/** The observed time if it lies within the moment, or else the moment itself. */
export function learned(moment: Moment, seen: Instant | undefined): Moment {
  return seen !== undefined && moment.from <= seen && seen <= moment.to ? exactly(seen) : moment;
}

export function plus(instant: Instant, ms: number): Instant {
  return addDuration(instant, milliseconds(ms));
}
