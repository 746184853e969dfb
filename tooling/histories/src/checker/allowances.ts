/** How far what clients see may be from what storage did, without anything being wrong. Milliseconds. */
export interface Allowances {
  /** Between the clock that deadlines are told by and that of the history. */
  readonly clockMs: number;
  /** What a lease that nobody was told of holds, it may hold for so much longer than the lease timeout. */
  readonly sweepMs: number;
  /** How long an item whose lease was undone may still be hidden: until other instances look at the head of the queue again (ADR 7). */
  readonly headMs: number;
  /** What is to come out within this time is not scheduled, but there at once. */
  readonly scheduleMs: number;
  /** From when on a request may be served by another statement than the one it was first sent with: 25, less what timers and clocks may be off. */
  readonly slowMs: number;
}

/** For servers with default settings on the machine that records. */
export const DEFAULT_ALLOWANCES: Allowances = {
  clockMs: 5,
  sweepMs: 500,
  headMs: 5_000,
  scheduleMs: 100,
  slowMs: 20,
};
