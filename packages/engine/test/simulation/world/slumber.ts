import type { Dice } from './dice.ts';

/** How a process that wakes takes up what came meanwhile: the event loop promises no order of timers and sockets. */
const ORDERS = ['as it came', 'timers first', 'timers last'] as const;

interface Kept {
  readonly isTimer: boolean;
  readonly act: () => void;
}

/**
 * The sleep of one process, as by SIGSTOP: nothing reaches it and nothing
 * leaves it, while the world goes on. Then it continues where it was: what it
 * was about to send is sent, and what came meanwhile is there all at once.
 */
export class Slumber {
  #asleep = false;
  readonly #sends: (() => void)[] = [];
  readonly #turns: (() => void)[] = [];
  #deliveries: Kept[] = [];

  get asleep(): boolean {
    return this.#asleep;
  }

  begin(): void {
    this.#asleep = true;
  }

  /** Something that the process does to the world. */
  send(act: () => void): void {
    if (this.#asleep) this.#sends.push(act);
    else act();
  }

  /** @returns whether it was kept back. */
  keepTurn(turn: () => void): boolean {
    if (this.#asleep) this.#turns.push(turn);
    return this.#asleep;
  }

  /** @returns whether it was kept back. */
  keepDelivery(kept: Kept): boolean {
    if (this.#asleep) this.#deliveries.push(kept);
    return this.#asleep;
  }

  /** @returns what it was at, in order, and then what came, in an order that the dice choose. */
  end(dice: Dice): {
    readonly sends: readonly (() => void)[];
    readonly turns: readonly (() => void)[];
    readonly deliveries: readonly Kept[];
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
