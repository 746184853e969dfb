import type { Instant, PartitionStore, ProbeResult } from '@querator/core';
import type { PartitionLoad } from '@querator/router';
import type { LimitedCalls } from './storage-limits.ts';

/** The state of a partition when a count began. */
export interface StateBeforeCount {
  readonly waiting: number;
  readonly emptied: number;
}

/** Makes the load of a partition that is to leave greater than any other. */
const LEAVING_LOAD = 2 ** 48;

/** Where a partition is. */
export interface PartitionPlace {
  readonly storageName: string;
  readonly store: PartitionStore;
  /** For calls that concern the whole partition. */
  readonly limited: LimitedCalls;
  /** The storage's clock. Undefined if it cannot be read. */
  readonly now?: (() => Promise<Instant>) | undefined;
}

/**
 * One partition as the logical queue sees it: its store, its load, whether it
 * is empty, and its health. The counts are hints, because other processes work
 * on the same partition. Only storage knows.
 */
export class PartitionState implements PartitionLoad {
  /** Its position in the queue. */
  readonly number: number;
  #place: PartitionPlace;

  /** Storage calls that failed in a row; 0: healthy. */
  failures = 0;
  /**
   * Whether items may wait that this process does not know of, such as those
   * of another process. The next lease request then asks storage.
   */
  mayHoldItems = false;
  /** What the last probe found. Undefined: none has ended, or the partition failed since. */
  probed: ProbeResult | undefined;
  /** Whether the queue is to lose it. It takes no more items, and consumers empty it first. */
  #leaves = false;
  /** Items available to consumers, as far as is known. */
  #waiting = 0;
  /** Items sent to storage and not stored yet. */
  #promised = 0;
  /** Items that ever became available, as far as is known. Tells what arrived during a lease. */
  #arrivals = 0;
  #foundEmptyAt: Instant | undefined;
  /** How many leases left nothing behind. */
  #emptied = 0;
  readonly #onLoadChanged: (partition: PartitionState) => void;

  constructor(
    { number, ...place }: PartitionPlace & { readonly number: number },
    onLoadChanged: (partition: PartitionState) => void,
  ) {
    this.number = number;
    this.#place = place;
    this.#onLoadChanged = onLoadChanged;
  }

  get storageName(): string {
    return this.#place.storageName;
  }

  /** Another one after a move. Do not keep it. */
  get store(): PartitionStore {
    return this.#place.store;
  }

  /** For calls that concern the whole partition. */
  get limited(): LimitedCalls {
    return this.#place.limited;
  }

  /** Reads the storage's clock. Undefined if it cannot be read. */
  get now(): (() => Promise<Instant>) | undefined {
    return this.#place.now;
  }

  /** The partition has moved to another storage. What is known of its items stays. */
  relocated(place: PartitionPlace): void {
    this.#place = place;
    this.probed = undefined;
  }

  get healthy(): boolean {
    return this.failures === 0;
  }

  /** Whether the partition is known to keep metadata. */
  get keepsMetadata(): boolean {
    return this.probed !== undefined && this.probed.metadataFault === undefined;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get load(): number {
    return this.#waiting + this.#promised + (this.#leaves ? LEAVING_LOAD : 0);
  }

  get leaves(): boolean {
    return this.#leaves;
  }

  set leaves(leaves: boolean) {
    if (leaves === this.#leaves) return;
    this.#leaves = leaves;
    this.#onLoadChanged(this);
  }

  /** A count begins. @returns what `counted` takes. */
  countStarted(): StateBeforeCount {
    return { waiting: this.#waiting, emptied: this.#emptied };
  }

  /**
   * A count has ended. It says what waited when it began, so what came and went
   * since is added. A lease that found the partition empty is newer than the
   * count, which is then ignored.
   */
  counted(waiting: number, before: StateBeforeCount): void {
    if (before.emptied !== this.#emptied) return;
    this.#waiting = Math.max(waiting + this.#waiting - before.waiting, 0);
    this.#onLoadChanged(this);
  }

  /** Items were sent to storage. */
  promise(items: number): void {
    this.#promised += items;
    this.#onLoadChanged(this);
  }

  /** Promised items are stored, or never will be. */
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

  /** When the partition was last found empty. Undefined while items wait or no lease has been tried. */
  get foundEmptyAt(): Instant | undefined {
    return this.#waiting === 0 ? this.#foundEmptyAt : undefined;
  }

  /** At that time nothing waited but what this process had stored. Undefined: something waits. */
  foundEmpty(at: Instant | undefined): void {
    this.#foundEmptyAt = at;
  }

  /** A lease is about to be sent. @returns what `leaseEnded` takes. */
  arrivalsBefore(): number {
    return this.#arrivals;
  }

  /** A lease of up to `limit` items is sent. @returns how many of the known items it is expected to take. */
  leaseStarted(limit: number): number {
    const expected = Math.min(this.#waiting, limit);
    this.#waiting -= expected;
    this.#onLoadChanged(this);
    return expected;
  }

  /**
   * A lease has ended.
   *
   * @param emptiedAt when it was sent, if it left nothing behind. Items that
   *   arrived since may still wait, or another lease may have taken them. One
   *   lease too many costs less than an item that no lease takes.
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

  /** A lease failed. The items it was expected to take still wait, as far as is known. */
  leaseFailed(expected: number): void {
    this.arrived(expected);
  }
}
