/** The calls whose success is noted. */
export type Work = 'produce' | 'complete';

/** When the calls of a running load succeeded, on the monotonic clock. */
export class SuccessTimes {
  readonly #times: Record<Work, number[]> = { produce: [], complete: [] };
  #endedAt = Number.POSITIVE_INFINITY;

  add(work: Work): void {
    this.#times[work].push(performance.now());
  }

  /** The load ends; later successes are not those of a running one. */
  end(): void {
    this.#endedAt = performance.now();
  }

  /**
   * The longest time between two successes of the running load.
   *
   * @param since earlier successes do not count.
   * @returns milliseconds.
   */
  gap(work: Work, since: number): number {
    const times = this.#times[work];
    let longest = 0;
    for (const [i, time] of times.entries()) {
      if (time >= since && time <= this.#endedAt && i > 0)
        longest = Math.max(longest, time - (times[i - 1] ?? time));
    }
    return Math.round(longest);
  }

  /** Milliseconds from a moment to the first success after it. */
  firstAfter(work: Work, moment: number): number {
    const first = this.#times[work].find((time) => time >= moment) ?? Number.POSITIVE_INFINITY;
    return Math.round(first - moment);
  }
}
