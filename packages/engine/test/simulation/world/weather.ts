import type { Dice } from './dice.ts';

/** What is to happen to one storage call. */
export interface Fate {
  /** Until it takes effect. */
  readonly beforeMs: number;
  /** From its effect to its answer. */
  readonly afterMs: number;
  readonly fault:
    | 'none'
    | 'not-applied'
    | 'unknown-applied'
    | 'unknown-lost'
    /** Answered as unknown, and takes effect a while after that. */
    | 'unknown-late';
  /** Whether it takes effect although the engine that sent it dies before. */
  readonly outlivesSender: boolean;
}

/** How things go with storage, on the whole. Probabilities of one call. */
export interface Climate {
  readonly fault: number;
  readonly slow: number;
  readonly verySlow: number;
}

const FAIR: Climate = { fault: 0, slow: 0, verySlow: 0 };
const QUICK_MS = 2;
const SLOW_MS = 60;
const VERY_SLOW_MS = 1_400;
/** A call that takes effect late does so this long after its sender was told, at the most. */
const LATE_MS = 3_000;

/** No call takes longer than this to be answered: what drivers promise as "their own time limits". */
export const STORAGE_LIMIT_MS = 2 * VERY_SLOW_MS;

/** Decides the fate of storage calls. */
export class Weather {
  readonly #dice: Dice;
  #climate: Climate;
  /** Places that answer nothing but errors. */
  readonly #down = new Set<string>();

  constructor(dice: Dice, climate: Climate) {
    this.#dice = dice;
    this.#climate = climate;
  }

  /** From now on every call is quick and succeeds. */
  clearUp(): void {
    this.#climate = FAIR;
    this.#down.clear();
  }

  /** Takes a place off the network, or puts it back. */
  setDown(place: string, down: boolean): void {
    if (down) this.#down.add(place);
    else this.#down.delete(place);
  }

  isDown(place: string): boolean {
    return this.#down.has(place);
  }

  fate(): Fate {
    const dice = this.#dice;
    const { fault } = this.#climate;
    return {
      beforeMs: this.#delay(),
      afterMs: this.#delay(),
      fault:
        fault > 0 && dice.chance(fault)
          ? dice.pick(['not-applied', 'unknown-applied', 'unknown-lost', 'unknown-late'] as const)
          : 'none',
      outlivesSender: dice.chance(0.5),
    };
  }

  /** How long a late call lingers. */
  lateMs(): number {
    return this.#dice.between(1, LATE_MS);
  }

  #delay(): number {
    const { slow, verySlow } = this.#climate;
    const dice = this.#dice;
    if (verySlow > 0 && dice.chance(verySlow)) return dice.between(0, VERY_SLOW_MS);
    return dice.between(0, slow > 0 && dice.chance(slow) ? SLOW_MS : QUICK_MS);
  }
}
