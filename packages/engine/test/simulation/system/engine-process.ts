import type { Clock, Instant, Random } from '@querator/core';
import type { Service } from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedEventLoop } from './simulated-event-loop.ts';
import { Suspension } from './suspension.ts';

/** The simulation around a process. */
export interface EngineProcessDeps {
  readonly eventLoop: SimulatedEventLoop;
  readonly scheduler: Scheduler;
}

/** The storage call at which a process is to fall asleep. */
interface SleepTrigger {
  readonly isIt: (call: string) => boolean;
  readonly begins: () => void;
}

/** One process that runs the engine. It can crash and sleep, and has its own clock. */
export class EngineProcess {
  readonly name: string;
  /** How far its clock is ahead of storage's. */
  readonly fastByMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Set by the code that starts the process. */
  service!: Service;
  /** Timers that have neither fired nor been cancelled. */
  timers = 0;
  /** Storage calls that are not answered yet, by the numbers of their ops. */
  readonly storageCalls = new Set<number>();
  #alive = true;
  readonly #crashListeners = new Set<() => void>();
  readonly #sleepListeners = new Set<() => void>();
  readonly #deps: EngineProcessDeps;
  readonly #suspension = new Suspension();
  #sleepTrigger: SleepTrigger | undefined;

  constructor(name: string, random: Random, deps: EngineProcessDeps, fastByMs: number) {
    const { scheduler } = deps;
    this.name = name;
    this.fastByMs = fastByMs;
    this.random = random;
    this.#deps = deps;
    this.clock = {
      now: (): Instant => scheduler.instant(fastByMs),
      startTimer: (delayMs, callback) => this.#startTimer(scheduler, delayMs, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get asleep(): boolean {
    return this.#alive && this.#suspension.asleep;
  }

  /** Kills the process. Calls that it has sent to storage may still arrive. */
  crash(): void {
    this.#alive = false;
    for (const crashListener of [...this.#crashListeners]) crashListener();
    this.#crashListeners.clear();
  }

  /**
   * Calls `crashListener` if the process crashes.
   *
   * @returns removes the listener.
   */
  onCrash(crashListener: () => void): () => void {
    this.#crashListeners.add(crashListener);
    return () => this.#crashListeners.delete(crashListener);
  }

  /**
   * Calls `sleepListener` whenever the process falls asleep.
   *
   * @returns removes the listener.
   */
  onSleep(sleepListener: () => void): () => void {
    this.#sleepListeners.add(sleepListener);
    return () => this.#sleepListeners.delete(sleepListener);
  }

  /** Suspends the process until `wake`. */
  sleep(): void {
    this.#suspension.begin();
    for (const sleepListener of [...this.#sleepListeners]) sleepListener();
  }

  /**
   * Suspends the process within a turn, at the next such call.
   *
   * @returns cancels that.
   */
  sleepAt(isIt: (call: string) => boolean, begins: () => void): () => void {
    const sleepTrigger = { isIt, begins };
    this.#sleepTrigger = sleepTrigger;
    return () => {
      if (this.#sleepTrigger === sleepTrigger) this.#sleepTrigger = undefined;
    };
  }

  /** Resumes the process. */
  wake(dice: Dice): void {
    const { eventLoop, scheduler } = this.#deps;
    const { sends, turns, deliveries } = this.#suspension.end(dice);
    if (!this.#alive) return;
    eventLoop.turnOf(this);
    for (const send of sends) send();
    for (const turn of turns) setImmediate(turn);
    for (const { isTimer, act } of deliveries) {
      scheduler.after(0, () => (isTimer ? this.#timerFires(act) : this.receive(act)));
    }
  }

  /** Delivers something to the process, as an event of its own. */
  receive(act: () => void): void {
    this.#deliver({ isTimer: false, act });
  }

  /** The process sends something out, such as a storage call of that name. */
  send(call: string, act: () => void): void {
    if (!this.#alive) return;
    const sleepTrigger = this.#sleepTrigger;
    if (sleepTrigger?.isIt(call) === true && !this.asleep) {
      this.#sleepTrigger = undefined;
      this.sleep();
      sleepTrigger.begins();
    }
    this.#suspension.send(act);
  }

  deferTurn(turn: () => void): boolean {
    return this.#suspension.deferTurn(turn);
  }

  #timerFires(act: () => void): void {
    this.#deliver({ isTimer: true, act });
  }

  #deliver(delivery: { readonly isTimer: boolean; readonly act: () => void }): void {
    if (!this.#alive || this.#suspension.deferDelivery(delivery)) return;
    this.#deps.eventLoop.turnOf(this);
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
