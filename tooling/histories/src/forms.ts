/** The defaults of a command. */
export interface Form {
  readonly seeds: number;
  /** Milliseconds without faults at the start. */
  readonly calm: number;
  /** The number of faults in each run, failovers included. */
  readonly faults: number;
  /** The number of failovers among them. */
  readonly failovers: number;
}

/** The options that determine the defaults. */
interface FormOptions {
  readonly short: boolean;
  readonly failover: boolean;
  readonly patroni?: boolean;
}

/**
 * The defaults for the command's options. Without failover each form has all
 * faults; with failover the long one has. Each form under Patroni has the faults
 * that apply to it.
 */
export function formOf({ short, failover, patroni }: FormOptions): Form {
  if (patroni) {
    return short
      ? { seeds: 1, calm: 2_000, faults: 2, failovers: 0 }
      : { seeds: 4, calm: 8_000, faults: 5, failovers: 0 };
  }
  if (failover) {
    return short
      ? { seeds: 1, calm: 3_000, faults: 3, failovers: 1 }
      : { seeds: 4, calm: 8_000, faults: 8, failovers: 2 };
  }
  return short
    ? { seeds: 2, calm: 3_000, faults: 3, failovers: 0 }
    : { seeds: 12, calm: 8_000, faults: 8, failovers: 0 };
}

/** The first seed, an odd one: two consecutive runs of three faults then have all six. */
export function firstSeed(fraction: number): number {
  return 2 * Math.floor(fraction * 500_000) + 1;
}
