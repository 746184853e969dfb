/** As many in the first batch, when it is unknown how long one takes. */
const FIRST = 20;
/** Another time for each is another cost, and no chance. */
const CLEARLY = 1.25;

export interface BatchSizeOptions {
  /** How long a batch should take, in milliseconds. */
  readonly workMs: number;
  readonly most: number;
}

/**
 * How many queues to count together. A batch should be short. But where a call costs much
 * whatever it counts, as over a slow network, large batches are the only ones that get on:
 * a size is kept small only if that does not make each queue dearer.
 */
export class BatchSize {
  readonly #options: BatchSizeOptions;
  #size = FIRST;
  #last: { readonly count: number; readonly eachMs: number } | undefined;

  constructor(options: BatchSizeOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Notes how long a batch took. One that was not full says little. */
  took(count: number, tookMs: number): void {
    if (count < this.#size) return;
    const { workMs, most } = this.#options;
    const eachMs = tookMs / count;
    const size =
      tookMs <= workMs
        ? eachMs > 0
          ? workMs / eachMs
          : most
        : this.#isLargerCheaper(count, eachMs)
          ? 2 * count
          : count / 2;
    this.#size = Math.min(Math.max(Math.floor(size), 1), most);
    this.#last = { count, eachMs };
  }

  #isLargerCheaper(count: number, eachMs: number): boolean {
    const last = this.#last;
    if (last === undefined || last.count === count) return false;
    return count > last.count ? eachMs * CLEARLY < last.eachMs : eachMs > last.eachMs * CLEARLY;
  }
}
