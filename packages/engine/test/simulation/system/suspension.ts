import type { Dice } from './dice.ts';

/** The order of deliveries after a sleep. The event loop promises no order of timers and sockets. */
const ORDERS = ['as it came', 'timers first', 'timers last'] as const;

interface Delivery {
  readonly isTimer: boolean;
  readonly act: () => void;
}

/**
 * The suspension of one process, as by SIGSTOP: nothing reaches it and nothing
 * leaves it. After it the process sends what it was about to send, and receives
 * all deliveries at once.
 */
export class Suspension {
  #asleep = false;
  readonly #sends: (() => void)[] = [];
  readonly #turns: (() => void)[] = [];
  #deliveries: Delivery[] = [];

  get asleep(): boolean {
    return this.#asleep;
  }

  begin(): void {
    this.#asleep = true;
  }

  /** Something that the process sends out. */
  send(act: () => void): void {
    if (this.#asleep) this.#sends.push(act);
    else act();
  }

  /** @returns whether it was deferred. */
  deferTurn(turn: () => void): boolean {
    if (this.#asleep) this.#turns.push(turn);
    return this.#asleep;
  }

  /** @returns whether it was deferred. */
  deferDelivery(kept: Delivery): boolean {
    if (this.#asleep) this.#deliveries.push(kept);
    return this.#asleep;
  }

  /** @returns the deferred work in order, and the deliveries in an order that the dice choose. */
  end(dice: Dice): {
    readonly sends: readonly (() => void)[];
    readonly turns: readonly (() => void)[];
    readonly deliveries: readonly Delivery[];
  } {
    this.#asleep = false;
    const order = dice.pick(ORDERS);
    const came = this.#deliveries;
    this.#deliveries = [];
    const timers = came.filter(({ isTimer }) => isTimer);
    const words = came.filter(({ isTimer }) => !isTimer);
    const deliveries = {
      'as it came': came,
      'timers first': [...timers, ...words],
      'timers last': [...words, ...timers],
    }[order];
    return { sends: this.#sends.splice(0), turns: this.#turns.splice(0), deliveries };
  }
}
