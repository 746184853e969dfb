import type { Clock, Instant, Random } from '@querator/core';
import type { Service } from '../../../src/index.ts';
import type { ClosedWorld } from './closed-world.ts';
import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';
import { Slumber } from './slumber.ts';

/** What a process runs in. */
export interface ProcessSurroundings {
  readonly closed: ClosedWorld;
  readonly scheduler: Scheduler;
}

/** Where a process is to fall asleep: as it makes the next of these storage calls. */
interface Drowsiness {
  readonly isIt: (call: string) => boolean;
  readonly begins: () => void;
}

/** One process that runs the engine: what dies with it, what sleeps with it, and what it sees of time. */
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
  readonly #watchers = new Set<() => void>();
  readonly #surroundings: ProcessSurroundings;
  readonly #slumber = new Slumber();
  #drowsiness: Drowsiness | undefined;

  constructor(name: string, random: Random, surroundings: ProcessSurroundings, fastByMs: number) {
    const { scheduler } = surroundings;
    this.name = name;
    this.fastByMs = fastByMs;
    this.random = random;
    this.#surroundings = surroundings;
    this.clock = {
      now: (): Instant => scheduler.instant(fastByMs),
      startTimer: (delayMs, callback) => this.#startTimer(scheduler, delayMs, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get asleep(): boolean {
    return this.#alive && this.#slumber.asleep;
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

  /** Calls `watcher` whenever the process falls asleep. @returns no longer. */
  onSleep(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Stops it, until `wake`. */
  sleep(): void {
    this.#slumber.begin();
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Stops it in the midst of a turn, as it makes the next such call. @returns takes it back. */
  sleepAt(isIt: (call: string) => boolean, begins: () => void): () => void {
    const drowsiness = { isIt, begins };
    this.#drowsiness = drowsiness;
    return () => {
      if (this.#drowsiness === drowsiness) this.#drowsiness = undefined;
    };
  }

  /** Lets it go on with what it had. */
  wake(dice: Dice): void {
    const { closed, scheduler } = this.#surroundings;
    const { sends, turns, deliveries } = this.#slumber.end(dice);
    if (!this.#alive) return;
    closed.turnOf(this);
    for (const send of sends) send();
    for (const turn of turns) setImmediate(turn);
    for (const { isTimer, act } of deliveries) {
      scheduler.after(0, () => (isTimer ? this.#timerFires(act) : this.hear(act)));
    }
  }

  /** Something reaches the process: it is to be an event of its own. */
  hear(act: () => void): void {
    this.#deliver({ isTimer: false, act });
  }

  /** The process does something to the world that may be called by this name. */
  send(call: string, act: () => void): void {
    if (!this.#alive) return;
    const drowsiness = this.#drowsiness;
    if (drowsiness?.isIt(call) === true && !this.asleep) {
      this.#drowsiness = undefined;
      this.sleep();
      drowsiness.begins();
    }
    this.#slumber.send(act);
  }

  keepTurn(turn: () => void): boolean {
    return this.#slumber.keepTurn(turn);
  }

  #timerFires(act: () => void): void {
    this.#deliver({ isTimer: true, act });
  }

  #deliver(delivery: { readonly isTimer: boolean; readonly act: () => void }): void {
    if (!this.#alive || this.#slumber.keepDelivery(delivery)) return;
    this.#surroundings.closed.turnOf(this);
    delivery.act();
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
    const cancel = scheduler.after(delayMs, () =>
      this.#timerFires(() => {
        if (ended()) callback();
      }),
    );
    return () => {
      if (ended()) cancel();
    };
  }
}
