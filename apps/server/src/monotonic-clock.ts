/** Milliseconds on a clock that never steps back. Only the difference between two readings has a meaning. */
export type MonotonicClock = () => number;

/** The monotonic clock of this process. */
export const systemMonotonicClock: MonotonicClock = () => performance.now();
