import type { ItemId } from '@querator/core';
import { boundAfter } from '../sql/new-item-id.ts';
import { type LowWaterSnapshot, PREPARED } from './low-water-snapshot.ts';

/** Ids under a bound, on their way to being settled. */
interface Settling {
  readonly bound: ItemId;
  /** Those who may still be writing an item under the bound; undefined: not looked yet. */
  writers: ReadonlySet<string> | undefined;
}

/** Bounds under which no item can turn up any more, found in steps 1 to 3 of `LowWaterMark`. */
export class SettledBounds {
  #settling: Settling[] = [];

  /** Starts over. */
  forget(): void {
    this.#settling = [];
  }

  /**
   * Goes on with what a look has seen.
   *
   * @returns the last bound under which that look sees every item there will
   *   ever be; undefined: there is none yet.
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
