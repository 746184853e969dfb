import {
  addDuration,
  type CancelTimer,
  type Clock,
  type Instant,
  millisecondsBetween,
  PAUSABLE,
  type Pausable,
  type Pauses,
  queuePaused,
  toMilliseconds,
} from '@querator/core';

/** A pause as this process knows it. */
interface KnownPause {
  /** When it ends, by the clock of this process. Undefined: not known. */
  readonly endsAt: Instant | undefined;
  readonly cancelTimer: CancelTimer | undefined;
}

/** What of a queue is paused in this process. Pauses end here by their time left, as the storage counted it. */
export class QueuePauses {
  readonly #clock: Clock;
  readonly #resumed: (work: Pausable) => void;
  readonly #pauses = new Map<Pausable, KnownPause>();

  /** @param resumed called when a pause has ended. */
  constructor(clock: Clock, resumed: (work: Pausable) => void) {
    this.#clock = clock;
    this.#resumed = resumed;
  }

  /** Whether consumers receive nothing now. */
  get stopsLeases(): boolean {
    return this.#pauses.size > 0 && this.#pauses.has('lease');
  }

  /** Whether this part of the work is paused now. */
  isPaused(work: Pausable): boolean {
    return this.#pauses.has(work);
  }

  /** @throws QueueError `retry` with the reason `queue_paused` if producing is paused. */
  checkProduce(): void {
    const pause = this.#pauses.size === 0 ? undefined : this.#pauses.get('produce');
    if (pause === undefined) return;
    const { endsAt } = pause;
    throw queuePaused(endsAt && Math.max(millisecondsBetween(this.#clock.now(), endsAt), 0));
  }

  /** The queue was read, with these pauses. */
  update(pauses: Pauses = {}): void {
    for (const work of PAUSABLE) {
      const pause = pauses[work];
      if (pause === undefined) {
        if (this.#forget(work)) this.#resumed(work);
        continue;
      }
      this.#forget(work);
      const { left } = pause;
      const endsAt = left && addDuration(this.#clock.now(), left);
      const cancelTimer = left && this.#clock.startTimer(toMilliseconds(left), () => this.#ended(work));
      this.#pauses.set(work, { endsAt, cancelTimer });
    }
  }

  /** The queue stops: no pause ends any more. */
  stop(): void {
    for (const work of PAUSABLE) this.#forget(work);
  }

  #ended(work: Pausable): void {
    this.#pauses.delete(work);
    this.#resumed(work);
  }

  /** @returns whether it was paused. */
  #forget(work: Pausable): boolean {
    this.#pauses.get(work)?.cancelTimer?.();
    return this.#pauses.delete(work);
  }
}
