import type { ItemId } from '@querator/core';
import { boundAfter } from '../sql/new-item-id.ts';
import { type LowWaterSnapshot, PREPARED } from './low-water-snapshot.ts';

/** A bound that is not settled yet. */
interface Settling {
  readonly bound: ItemId;
  /** The transactions that may still write an item below the bound. Undefined before the next snapshot. */
  writers: ReadonlySet<string> | undefined;
}

/** Finds bounds below which no item can appear any more: steps 1 to 3 of `LowWaterMark`. */
export class SettledBounds {
  #settling: Settling[] = [];

  /** Starts over. */
  forget(): void {
    this.#settling = [];
  }

  /**
   * Continues with the result of a snapshot.
   *
   * @returns the last bound below which that snapshot sees every item there will ever
   *   be. Undefined if there is none yet.
   */
  afterSnapshot({ last, writers: writing }: Pick<LowWaterSnapshot, 'last' | 'writers'>): ItemId | undefined {
    const settled = this.#settling.findLast((each) => each.writers?.size === 0);
    if (settled !== undefined) this.#settling.splice(0, this.#settling.indexOf(settled) + 1);
    for (const each of this.#settling) {
      const before = each.writers ?? writing;
      each.writers = new Set([...writing].filter((writer) => before.has(writer) || writer === PREPARED));
    }
    this.#settling.push({ bound: boundAfter(last), writers: undefined });
    return settled?.bound;
  }
}
