/** How much a command runs when it is not told. */
export interface Form {
  readonly seeds: number;
  /** Milliseconds without faults at first. */
  readonly calm: number;
  /** In each run, failovers included. */
  readonly faults: number;
  /** Of them, in each run. */
  readonly failovers: number;
}

/** What decides how much a command runs. */
interface FormOptions {
  readonly short: boolean;
  readonly failover: boolean;
  readonly patroni?: boolean;
}

/**
 * By the command's options. Without failover each form has all faults there
 * are, and with it the long one. Under Patroni each has those that it is for.
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

/** A seed to begin with: of two in a row from an odd one on, that of three faults each has all six. */
export function firstSeed(fraction: number): number {
  return 2 * Math.floor(fraction * 500_000) + 1;
}
