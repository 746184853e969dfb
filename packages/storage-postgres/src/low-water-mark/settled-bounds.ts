import type { ItemId } from '@querator/core';
import { boundAfter } from '../sql/new-item-id.ts';
import { type LowWaterSnapshot, PREPARED } from './low-water-snapshot.ts';

/** An id that was greater than all present ones when a snapshot read the sequence. */
export interface Bound {
  readonly id: ItemId;
  /** The number of items that this process had leased before. */
  readonly leased: number;
}

/** A bound that is not settled yet. */
interface Settling {
  readonly bound: Bound;
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
   * @param leased the number of items that this process had leased before it.
   * @returns the last bound below which that snapshot sees every item there will ever
   *   be. Undefined if there is none yet.
   */
  afterSnapshot(
    { last, writers: writing }: Pick<LowWaterSnapshot, 'last' | 'writers'>,
    leased: number,
  ): Bound | undefined {
    const settled = this.#settling.findLast((each) => each.writers?.size === 0);
    if (settled !== undefined) this.#settling.splice(0, this.#settling.indexOf(settled) + 1);
    for (const each of this.#settling) {
      const before = each.writers ?? writing;
      each.writers = new Set([...writing].filter((writer) => before.has(writer) || writer === PREPARED));
    }
    this.#settling.push({ bound: { id: boundAfter(last), leased }, writers: undefined });
    return settled?.bound;
  }
}
