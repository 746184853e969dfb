/** How many durations of each slice of time are kept. Enough for a meaningful 99th percentile. */
const SAMPLES_PER_SLICE = 512;
/** The window of ten minutes, in slices. */
const SLICES = 5;
const SLICE_SECONDS = 120;

/** A slice of time: the number of its durations, and a fair sample of them. */
interface Slice {
  readonly number: number;
  seen: number;
  readonly samples: number[];
}

/**
 * Quantiles of the durations of the last ten minutes. Each slice of time keeps
 * a fair sample, in which each duration has the same chance (Vitter, "Random
 * sampling with a reservoir", 1985, algorithm R). So adding a duration is cheap,
 * however many there are.
 */
export class RecentDurations {
  readonly #fraction: () => number;
  #slices: Slice[] = [];

  /** @param fraction a random number from 0 to below 1. */
  constructor(fraction: () => number) {
    this.#fraction = fraction;
  }

  /** @param now seconds on a clock that only goes forward. */
  add(seconds: number, now: number): void {
    const number = Math.floor(now / SLICE_SECONDS);
    let slice = this.#slices.at(-1);
    if (slice?.number !== number) {
      slice = { number, seen: 0, samples: [] };
      this.#slices.push(slice);
      this.#removeOld(number);
    }
    slice.seen++;
    if (slice.samples.length < SAMPLES_PER_SLICE) {
      slice.samples.push(seconds);
      return;
    }
    const place = Math.floor(this.#fraction() * slice.seen);
    if (place < SAMPLES_PER_SLICE) slice.samples[place] = seconds;
  }

  /**
   * The wanted quantiles in seconds, or 0 without durations. A slice weighs as
   * much as all of its durations, not as its sample.
   */
  quantiles(wanted: readonly number[], now: number): readonly number[] {
    this.#removeOld(Math.floor(now / SLICE_SECONDS));
    const weighted = this.#slices
      .flatMap(({ seen, samples }) => samples.map((seconds) => ({ seconds, weight: seen / samples.length })))
      .sort((a, b) => a.seconds - b.seconds);
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
    return wanted.map((quantile) => {
      let below = 0;
      for (const { seconds, weight } of weighted) {
        below += weight;
        // Sums of fractions have rounding errors.
        if (below >= quantile * total * (1 - Number.EPSILON * 8)) return seconds;
      }
      return 0;
    });
  }

  #removeOld(number: number): void {
    this.#slices = this.#slices.filter((slice) => slice.number > number - SLICES);
  }
}
