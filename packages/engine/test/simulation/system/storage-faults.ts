import type { Dice } from './dice.ts';

/** The plan of one storage call. */
export interface CallPlan {
  /** Milliseconds until it takes effect. */
  readonly beforeMs: number;
  /** Milliseconds from its effect to its answer. */
  readonly afterMs: number;
  readonly fault:
    | 'none'
    | 'not-applied'
    | 'unknown-applied'
    | 'unknown-lost'
    /** Answered as unknown, and takes effect a while later. */
    | 'unknown-late';
  /** Whether it takes effect although its engine crashes before. */
  readonly outlivesSender: boolean;
}

/** Probabilities of faults and delays of one call. */
export interface FaultRates {
  readonly fault: number;
  readonly slow: number;
  readonly verySlow: number;
}

const NO_FAULTS: FaultRates = { fault: 0, slow: 0, verySlow: 0 };
const QUICK_MS = 2;
const SLOW_MS = 60;
const VERY_SLOW_MS = 1_400;
/** The longest delay, in milliseconds, from the answer to a late effect. */
const LATE_MS = 3_000;

/** The time limit of every call, in milliseconds, as drivers promise it. */
export const STORAGE_LIMIT_MS = 2 * VERY_SLOW_MS;

/** Decides how storage calls end. */
export class StorageFaults {
  readonly #dice: Dice;
  #faultRates: FaultRates;
  /** Places that answer with errors only. */
  readonly #down = new Set<string>();

  constructor(dice: Dice, faultRates: FaultRates) {
    this.#dice = dice;
    this.#faultRates = faultRates;
  }

  /** Makes every later call quick and successful. */
  endFaults(): void {
    this.#faultRates = NO_FAULTS;
    this.#down.clear();
  }

  /** Takes a place out of service, or puts it back. */
  setDown(place: string, down: boolean): void {
    if (down) this.#down.add(place);
    else this.#down.delete(place);
  }

  isDown(place: string): boolean {
    return this.#down.has(place);
  }

  plan(): CallPlan {
    const dice = this.#dice;
    const { fault } = this.#faultRates;
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

  /** The delay of a late effect, in milliseconds. */
  lateMs(): number {
    return this.#dice.between(1, LATE_MS);
  }

  #delay(): number {
    const { slow, verySlow } = this.#faultRates;
    const dice = this.#dice;
    if (verySlow > 0 && dice.chance(verySlow)) return dice.between(0, VERY_SLOW_MS);
    return dice.between(0, slow > 0 && dice.chance(slow) ? SLOW_MS : QUICK_MS);
  }
}
