import type { Instant, PartitionStore } from '@querator/core';
import type { PartitionLoad } from '@querator/router';
import type { Turns } from './storage-limits.ts';

/** What was known of a partition when a count began. */
export interface LaneBeforeCount {
  readonly waiting: number;
  readonly emptied: number;
}

/**
 * One partition as the logical queue sees it: its store, and what is known of
 * its load and its health. The counts are hints: other processes work on the
 * same partition, and only storage knows.
 */
export class Lane implements PartitionLoad {
  readonly partition: number;
  readonly storageName: string;
  readonly store: PartitionStore;
  /** For calls that concern the whole partition. */
  readonly turns: Turns;

  /** Storage calls that failed in a row; 0: healthy. */
  failures = 0;
  /** Items available to consumers, as far as is known. */
  #waiting = 0;
  /** Items on their way into storage. */
  #promised = 0;
  /** Items that ever became available, as far as is known; tells what came in during a lease. */
  #arrivals = 0;
  #foundEmptyAt: Instant | undefined;
  /** How often a lease found nothing left. */
  #emptied = 0;
  readonly #onLoadChanged: (lane: Lane) => void;

  constructor(
    place: {
      readonly partition: number;
      readonly storageName: string;
      readonly store: PartitionStore;
      readonly turns: Turns;
    },
    onLoadChanged: (lane: Lane) => void,
  ) {
    this.partition = place.partition;
    this.storageName = place.storageName;
    this.store = place.store;
    this.turns = place.turns;
    this.#onLoadChanged = onLoadChanged;
  }

  get healthy(): boolean {
    return this.failures === 0;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get load(): number {
    return this.#waiting + this.#promised;
  }

  /** A count begins. @returns what `counted` has to be told. */
  countStarted(): LaneBeforeCount {
    return { waiting: this.#waiting, emptied: this.#emptied };
  }

  /**
   * Storage has counted what waited when the count began, which may be long
   * ago: what came and went since is added. Where the partition was found empty
   * meanwhile, that is newer than the count.
   */
  counted(waiting: number, before: LaneBeforeCount): void {
    if (before.emptied !== this.#emptied) return;
    this.#waiting = Math.max(waiting + this.#waiting - before.waiting, 0);
    this.#onLoadChanged(this);
  }

  /** So many items were sent to storage. */
  promise(items: number): void {
    this.#promised += items;
    this.#onLoadChanged(this);
  }

  /** So many promised items are stored, or never will be. */
  promiseEnded(items: number): void {
    this.#promised -= items;
    this.#onLoadChanged(this);
  }

  /** Items became available. */
  arrived(items: number): void {
    this.#waiting += items;
    this.#arrivals += items;
    this.#onLoadChanged(this);
  }

  /** When it was last found empty; absent: something waits, or nobody has looked yet. */
  get foundEmptyAt(): Instant | undefined {
    return this.#waiting === 0 ? this.#foundEmptyAt : undefined;
  }

  /** At that time nothing waited but what this process has put in; absent: something does. */
  foundEmpty(at: Instant | undefined): void {
    this.#foundEmptyAt = at;
  }

  /** A lease is about to be sent off. @returns what `leaseEnded` has to be told. */
  arrivalsBefore(): number {
    return this.#arrivals;
  }

  /** A lease of up to `limit` items is sent off. @returns how many of the known items it is expected to take. */
  leaseStarted(limit: number): number {
    const expected = Math.min(this.#waiting, limit);
    this.#waiting -= expected;
    this.#onLoadChanged(this);
    return expected;
  }

  /**
   * The lease took so many items.
   *
   * @param emptiedAt when it was sent off, if nothing was left at that moment.
   *   What came in since may still be there, or another lease under way has
   *   it: one look too many is better than an item that nobody looks for.
   */
  leaseEnded(
    { expected, arrivalsBefore }: { readonly expected: number; readonly arrivalsBefore: number },
    taken: number,
    emptiedAt: Instant | undefined,
  ): void {
    if (emptiedAt === undefined) {
      this.#waiting = Math.max(this.#waiting - (taken - expected), 0);
    } else {
      this.#emptied++;
      this.#waiting = this.#arrivals - arrivalsBefore;
      this.foundEmpty(emptiedAt);
    }
    this.#onLoadChanged(this);
  }

  /** The lease failed: what it was expected to take is still there, as far as is known. */
  leaseFailed(expected: number): void {
    this.arrived(expected);
  }
}
