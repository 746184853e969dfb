/** The tolerances of the checker, in milliseconds: how far the clients' view may differ from storage. */
export interface Allowances {
  /** The difference between the clock of deadlines and that of the history. */
  readonly clockMs: number;
  /** A lease whose answer was lost may end this much later than its timeout. */
  readonly sweepMs: number;
  /**
   * How long an item with an undone lease may stay hidden: until other instances
   * poll the head of the queue again (ADR 7).
   */
  readonly headMs: number;
  /** Items due within this time are not scheduled but available at once. */
  readonly scheduleMs: number;
  /**
   * After this time another statement may serve a request: 25 ms, less the tolerance
   * of timers and clocks.
   */
  readonly slowMs: number;
}

/** The tolerances of servers with default settings on the recording machine. */
export const DEFAULT_ALLOWANCES: Allowances = {
  clockMs: 5,
  sweepMs: 500,
  headMs: 5_000,
  scheduleMs: 100,
  slowMs: 20,
};
