/** Milliseconds of a wall clock since 1970 began on it: a local time without its zone. */
export type LocalMs = number & { readonly [unit]: 'milliseconds of a wall clock' };
declare const unit: unique symbol;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * The wall clock of a time zone, by the rules of this Node.js: a map between UTC and
 * local times.
 */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError if there is no such zone. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  }

  /** What the wall clock shows, to the second. @param ms UTC, in milliseconds since 1970. */
  localOf(ms: number): LocalMs {
    // 11/30/2026, 07:32:05
    const [month = 1, day, year = 0, hour, minute, second] = this.#format.format(ms).split(/\D+/).map(Number);
    // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
    return Date.UTC(year, month - 1, day, hour, minute, second) as LocalMs;
  }

  /**
   * When the wall clock shows a full minute. A time that comes twice is the first of the
   * two. For a time that is left out, the end of the gap.
   *
   * @returns UTC, in milliseconds since 1970.
   */
  instantOf(local: LocalMs): number {
    // No zone is further than a day from UTC, and none changes twice within two days.
    const before = this.#offsetAt(local - DAY_MS);
    const after = this.#offsetAt(local + DAY_MS);
    if (before === after) return local - before;
    const first = local - Math.max(before, after);
    for (const instant of [first, local - Math.min(before, after)]) {
      if (this.localOf(instant) === local) return instant;
    }
    return this.#endOfGap(local, before, after);
  }

  /** How far the wall clock is ahead of UTC, in milliseconds. */
  #offsetAt(ms: number): number {
    return this.localOf(ms) - ms;
  }

  /** The minute in which the offset changes. */
  #endOfGap(local: LocalMs, before: number, after: number): number {
    let low = local - after - MINUTE_MS;
    let high = local - before;
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
      if (this.localOf(middle) < local) low = middle;
      else high = middle;
    }
    return high;
  }
}

/** Time zones by name. Their formatters take 30 KB each, so it keeps the last ones only. */
export class TimeZones {
  readonly #zones = new Map<string, TimeZone>();
  readonly #most: number;

  constructor(most = 32) {
    this.#most = most;
  }

  /** @throws RangeError if there is no such zone. */
  get(name: string): TimeZone {
    const zone = this.#zones.get(name) ?? new TimeZone(name);
    this.#zones.delete(name);
    this.#zones.set(name, zone);
    const [oldest] = this.#zones.keys();
    if (this.#zones.size > this.#most && oldest !== undefined) this.#zones.delete(oldest);
    return zone;
  }
}
