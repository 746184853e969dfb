const SECOND_MS = 1_000;

/** Counts what happened in the last whole second. */
export class SecondCount {
  #second = Number.NEGATIVE_INFINITY;
  #count = 0;
  #before = 0;

  add(count: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#count += count;
  }

  /** The count of the last second that is over. */
  last(nowMs: number): number {
    this.#turn(nowMs);
    return this.#before;
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second === this.#second) return;
    this.#before = second === this.#second + 1 ? this.#count : 0;
    this.#second = second;
    this.#count = 0;
  }
}
