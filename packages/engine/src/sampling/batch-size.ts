/** As many in the first batch, when it is unknown how long one takes: a page of the console has as many queues. */
const FIRST = 50;
/** By how much a batch that takes too long shrinks, and the first one of all, which was only a guess. */
const SHRINK = 2;
const FIRST_SHRINK = 4;
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

  /** Notes how long a batch took. A short one that was not full says little. */
  took(count: number, tookMs: number): void {
    const { workMs, most } = this.#options;
    const isShort = tookMs <= workMs;
    if (isShort && count < this.#size) return;
    const eachMs = tookMs / count;
    const size = isShort ? workMs / eachMs : this.#sizeAfterLong(count, eachMs);
    this.#size = Math.min(Math.max(Math.floor(size), 1), most);
    this.#last = { count, eachMs };
  }

  #sizeAfterLong(count: number, eachMs: number): number {
    const last = this.#last;
    if (last === undefined) return count / FIRST_SHRINK;
    const isLargerCheaper =
      count > last.count
        ? eachMs * CLEARLY < last.eachMs
        : count < last.count && eachMs > last.eachMs * CLEARLY;
    return isLargerCheaper ? 2 * count : count / SHRINK;
  }
}
