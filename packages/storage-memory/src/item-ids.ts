import { formatItemId, ITEM_ID_RANDOM_LENGTH, type ItemId, type Random } from '@querator/core';

/** Gives out ids, each greater than all before it; one sequence for a whole backend, so that a dropped partition never repeats one. */
export class ItemIds {
  readonly #random: Random;
  #sequence = 0n;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): ItemId {
    this.#sequence += 1n;
    return formatItemId(this.#sequence, this.#random.base62(ITEM_ID_RANDOM_LENGTH));
  }
}
