import { addDuration, type Instant, milliseconds } from '@querator/core';

/**
 * A point in time as far as the rules fix it. What a caller does happens at an
 * exact time; what time itself brings about happens soon after it is due, and
 * "soon" has an end.
 */
export interface Moment {
  readonly from: Instant;
  readonly to: Instant;
}

export function exactly(at: Instant): Moment {
  return { from: at, to: at };
}

/** The moment so many milliseconds after another. */
export function after(moment: Moment, ms: number): Moment {
  return { from: plus(moment.from, ms), to: plus(moment.to, ms) };
}

/** The time that was seen where it lies within the moment; else the moment as it was. */
export function learned(moment: Moment, seen: Instant | undefined): Moment {
  return seen !== undefined && moment.from <= seen && seen <= moment.to ? exactly(seen) : moment;
}

export function plus(instant: Instant, ms: number): Instant {
  return addDuration(instant, milliseconds(ms));
}
