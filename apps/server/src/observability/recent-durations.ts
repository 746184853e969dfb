/** So many durations of each slice of time are kept: enough for a 99th percentile to mean something. */
const SAMPLES_PER_SLICE = 512;
/** The window, in slices: ten minutes. */
const SLICES = 5;
const SLICE_SECONDS = 120;

/** A slice of time: how many durations it had, and a fair sample of them. */
interface Slice {
  readonly number: number;
  seen: number;
  readonly samples: number[];
}

/**
 * Quantiles of the durations of the last ten minutes. Of each slice of time a
 * fair sample is kept, each duration having the same chance (Vitter, "Random
 * sampling with a reservoir", 1985, algorithm R), so that taking one in costs
 * next to nothing however many there are.
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
      this.#forget(number);
    }
    slice.seen++;
    if (slice.samples.length < SAMPLES_PER_SLICE) {
      slice.samples.push(seconds);
      return;
    }
    const place = Math.floor(this.#fraction() * slice.seen);
    if (place < SAMPLES_PER_SLICE) slice.samples[place] = seconds;
  }

  /** The quantiles asked for, in seconds; 0 where there was nothing. A slice counts by what it had, not by its sample. */
  quantiles(wanted: readonly number[], now: number): readonly number[] {
    this.#forget(Math.floor(now / SLICE_SECONDS));
    const weighted = this.#slices
      .flatMap(({ seen, samples }) => samples.map((seconds) => ({ seconds, weight: seen / samples.length })))
      .sort((a, b) => a.seconds - b.seconds);
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
    return wanted.map((quantile) => {
      let below = 0;
      for (const { seconds, weight } of weighted) {
        below += weight;
        // Sums of fractions may fall short by a hair.
        if (below >= quantile * total * (1 - Number.EPSILON * 8)) return seconds;
      }
      return 0;
    });
  }

  #forget(number: number): void {
    this.#slices = this.#slices.filter((slice) => slice.number > number - SLICES);
  }
}
