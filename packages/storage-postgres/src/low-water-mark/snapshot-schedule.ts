import type { Clock, Instant } from '@querator/core';
import { DutyCycle } from './duty-cycle.ts';

/** The dead entries of this many leased items justify a statement to step over them. */
const MANY_ITEMS = 1_000;
/** A snapshot walks over the same dead entries as a lease, so it costs a fraction of this many leases. */
const MANY_LEASES = 20;
/** The shortest time between two snapshots. */
const INTERVAL_MS = 100;
/** The same if few items of this process lie behind the mark. Other processes may have leased many. */
const OTHERS_INTERVAL_MS = 5_000;
/** Snapshots take at most a tenth of the time. */
const PARTS = 10;

/**
 * When the low-water mark of a partition profits from another snapshot: once many items
 * were leased since the last one. Or, if many leased items lie behind the mark, once
 * many leases walked over their entries. So a mark also follows leases of few items
 * after leases of many. What other processes lease is unknown, so many leases are also
 * enough after a longer time.
 */
export class SnapshotSchedule {
  readonly #cycle: DutyCycle;
  /** Since the last snapshot. */
  #leases = 0;
  #items = 0;
  #leased = 0;
  /** The value of `#leased` for which no leased item was behind the mark. */
  #leasedAtMark = 0;

  constructor(clock: Clock) {
    this.#cycle = new DutyCycle(clock, PARTS);
  }

  /** The number of items that this process has leased so far. */
  get leased(): number {
    return this.#leased;
  }

  /** A lease took this number of items. */
  add(items: number): void {
    this.#leases++;
    this.#items += items;
    this.#leased += items;
  }

  isDue(now: Instant): boolean {
    if (this.#items < MANY_ITEMS && this.#leases < MANY_LEASES) return false;
    const isFarBehind = this.#leased - this.#leasedAtMark >= MANY_ITEMS;
    return this.#cycle.isDue(isFarBehind ? INTERVAL_MS : OTHERS_INTERVAL_MS, now);
  }

  /** A snapshot begins. @returns the function to call when it ends. */
  begin(): () => void {
    this.#leases = 0;
    this.#items = 0;
    return this.#cycle.begin();
  }

  /**
   * The mark has moved.
   *
   * @param leased the number of items that this process had leased when the mark was
   *   read. Undefined: all so far.
   */
  moved(leased = this.#leased): void {
    this.#leasedAtMark = leased;
  }

  /** An unknown number of leased items lies behind the mark. */
  lowered(): void {
    this.#leasedAtMark = Number.NEGATIVE_INFINITY;
  }
}
