/** How far what clients see may be from what storage did, without anything being wrong. Milliseconds. */
export interface Allowances {
  /** Between the clock that deadlines are told by and that of the history. */
  readonly clockMs: number;
  /**
   * How long after a lease request ended without items, or after a disturbance,
   * an item it had taken may still be hidden from others: the undoing of the
   * lease, then five seconds until another instance looks at the head of the
   * queue again (ADR 7).
   */
  readonly undoMs: number;
  /** What is to come out within this time is not scheduled, but there at once. */
  readonly scheduleMs: number;
  /** From when on a request may be served by another statement than the one it was first sent with. */
  readonly slowMs: number;
}

/** For servers with default settings on the machine that records. */
export const DEFAULT_ALLOWANCES: Allowances = { clockMs: 5, undoMs: 7_000, scheduleMs: 100, slowMs: 20 };
