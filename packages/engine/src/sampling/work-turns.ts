import { type CancelTimer, type Clock, millisecondsBetween } from '@querator/core';

export interface WorkTurnsDeps {
  readonly clock: Clock;
  /** Works for a short while. Never rejects. */
  readonly work: () => Promise<void>;
  /** The pause after a turn that took so long, in milliseconds. Undefined: there are no more turns. */
  readonly pauseMs: (tookMs: number) => number | undefined;
}

/** Works in turns, with pauses in between. */
export class WorkTurns {
  readonly #deps: WorkTurnsDeps;
  #cancelTimer: CancelTimer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(deps: WorkTurnsDeps) {
    this.#deps = deps;
  }

  /** Begins a turn, unless one runs or is due. */
  start(): void {
    if (this.#cancelTimer === undefined && this.#running === undefined && !this.#stopped) this.#begin();
  }

  /** Ends the turns, and waits for the running one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #begin(): void {
    this.#cancelTimer = undefined;
    this.#running = this.#turn().finally(() => {
      this.#running = undefined;
    });
  }

  async #turn(): Promise<void> {
    const { clock, work, pauseMs } = this.#deps;
    const began = clock.now();
    await work();
    if (this.#stopped) return;
    const pause = pauseMs(millisecondsBetween(began, clock.now()));
    if (pause !== undefined) this.#cancelTimer = clock.startTimer(pause, () => this.#begin());
  }
}
