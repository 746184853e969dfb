import { PREPARED } from './low-water-snapshot.ts';

/** An id that was greater than all present ones when a snapshot read the sequence. */
export interface Bound<Id> {
  readonly id: Id;
  /** The number of items that this process had leased before. */
  readonly leased: number;
}

/** A bound that is not settled yet. */
interface Settling<Id> {
  readonly bound: Bound<Id>;
  /** The transactions that may still write an item below the bound. Undefined before the next snapshot. */
  writers: ReadonlySet<string> | undefined;
}

/** Finds bounds below which no item can appear any more: steps 1 to 3 of `LowWaterMark`. */
export class SettledBounds<Id> {
  #settling: Settling<Id>[] = [];

  /** Starts over. */
  forget(): void {
    this.#settling = [];
  }

  /**
   * Continues with the result of a snapshot.
   *
   * @param seen an id that is greater than all that were taken before the snapshot, and the
   *   transactions that may be writing.
   * @param leased the number of items that this process had leased before it.
   * @returns the last bound below which that snapshot sees every item there will ever
   *   be. Undefined if there is none yet.
   */
  afterSnapshot(
    { bound, writers: writing }: { readonly bound: Id; readonly writers: ReadonlySet<string> },
    leased: number,
  ): Bound<Id> | undefined {
    const settled = this.#settling.findLast((each) => each.writers?.size === 0);
    if (settled !== undefined) this.#settling.splice(0, this.#settling.indexOf(settled) + 1);
    for (const each of this.#settling) {
      const before = each.writers ?? writing;
      each.writers = new Set([...writing].filter((writer) => before.has(writer) || writer === PREPARED));
    }
    this.#settling.push({ bound: { id: bound, leased }, writers: undefined });
    return settled?.bound;
  }
}
