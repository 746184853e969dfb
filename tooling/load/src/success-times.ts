/** The calls whose success is noted. */
export type Work = 'produce' | 'complete';

/** A time without a success, on the monotonic clock. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** When the calls of a running load succeeded, on the monotonic clock. */
export class SuccessTimes {
  readonly #times: Record<Work, number[]> = { produce: [], complete: [] };
  readonly #byQueue = new Map<string, number[]>();
  #endedAt = Number.POSITIVE_INFINITY;

  add(work: Work, queue: string): void {
    const now = performance.now();
    this.#times[work].push(now);
    const name = `${work} ${queue}`;
    const ofQueue = this.#byQueue.get(name);
    if (ofQueue === undefined) this.#byQueue.set(name, [now]);
    else ofQueue.push(now);
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

  /** All times between two successes in a row in one queue, of which the second came at `since` or later. */
  gaps(work: Work, queue: string, since: number): readonly Gap[] {
    const times = this.#byQueue.get(`${work} ${queue}`) ?? [];
    return times.flatMap((to, i) => (i > 0 && to >= since ? [{ from: times[i - 1] ?? to, to }] : []));
  }

  /** Milliseconds from a moment to the first success after it. */
  firstAfter(work: Work, moment: number): number {
    const first = this.#times[work].find((time) => time >= moment) ?? Number.POSITIVE_INFINITY;
    return Math.round(first - moment);
  }
}
