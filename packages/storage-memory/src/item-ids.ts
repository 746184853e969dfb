import { formatItemId, ITEM_ID_RANDOM_LENGTH, type ItemId, type Random } from '@querator/core';

/** Generates increasing ids. A backend has one sequence, so that no partition repeats an id, even after a drop. */
export class ItemIds {
  readonly #random: Random;
  #sequence = 0n;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The greatest number that was given out. */
  get last(): bigint {
    return this.#sequence;
  }

  /** The next numbers are greater than this one. */
  raise(number: bigint): void {
    if (number > this.#sequence) this.#sequence = number;
  }

  next(): ItemId {
    this.#sequence += 1n;
    return formatItemId(this.#sequence, this.#random.base62(ITEM_ID_RANDOM_LENGTH));
  }
}
