import type { CancelTimer, Clock } from '@querator/core';
import type { GatherWish } from '../rules/lease-options.ts';

/** A lease request that waits for more items than one. */
export class Gathering {
  readonly minItems: number;
  readonly #clock: Clock;
  readonly #maxWaitMs: number;
  readonly #onPatienceOver: () => void;
  #cancelTimer: CancelTimer | undefined;
  #isOver = false;

  /** @param onPatienceOver called when the request takes what there is. */
  constructor(clock: Clock, { minItems, maxWaitMs }: GatherWish, onPatienceOver: () => void) {
    this.#clock = clock;
    this.minItems = minItems;
    this.#maxWaitMs = maxWaitMs;
    this.#onPatienceOver = onPatienceOver;
  }

  /** Whether the request still waits for its number of items. */
  get holdsOut(): boolean {
    return !this.#isOver;
  }

  /** Something is there, or may be. The first call counts. */
  somethingIsThere(): void {
    if (this.#isOver) return;
    this.#cancelTimer ??= this.#clock.startTimer(this.#maxWaitMs, () => {
      this.#isOver = true;
      this.#onPatienceOver();
    });
  }

  /** A statement for the request has returned. If the request is still pending, it was given nothing: the wait begins anew. */
  reset(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isOver = false;
  }
}
