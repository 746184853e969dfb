import type { Clock, Instant, Random } from '@querator/core';
import type { Service } from '../../../src/index.ts';
import type { Scheduler } from './scheduler.ts';

/** One process that runs the engine: what dies with it, and what it sees of time. */
export class EngineProcess {
  readonly name: string;
  /** How far its clock is ahead of storage's. */
  readonly fastByMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Set by who starts it. */
  service!: Service;
  /** Timers it has set and that have neither fired nor been cancelled. */
  timers = 0;
  /** Storage calls it has not been answered yet, by the numbers of their ops. */
  readonly storageCalls = new Set<number>();
  #alive = true;
  readonly #mourners = new Set<() => void>();

  constructor(name: string, random: Random, scheduler: Scheduler, fastByMs: number) {
    this.name = name;
    this.fastByMs = fastByMs;
    this.random = random;
    this.clock = {
      now: (): Instant => scheduler.instant(fastByMs),
      startTimer: (delayMs, callback) => this.#startTimer(scheduler, delayMs, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Ends it without a word. What it has sent to storage may still arrive there. */
  crash(): void {
    this.#alive = false;
    for (const mourner of [...this.#mourners]) mourner();
    this.#mourners.clear();
  }

  /** Calls `mourner` should the process die. @returns no longer. */
  onCrash(mourner: () => void): () => void {
    this.#mourners.add(mourner);
    return () => this.#mourners.delete(mourner);
  }

  #startTimer(scheduler: Scheduler, delayMs: number, callback: () => void): () => void {
    let pending = true;
    this.timers++;
    const ended = () => {
      if (!pending) return false;
      pending = false;
      this.timers--;
      return true;
    };
    const cancel = scheduler.after(delayMs, () => {
      if (ended() && this.#alive) callback();
    });
    return () => {
      if (ended()) cancel();
    };
  }
}
