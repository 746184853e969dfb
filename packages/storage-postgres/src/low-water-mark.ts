import { type Clock, type Instant, type ItemId, millisecondsBetween } from '@querator/core';
import type { Database } from './database.ts';
import { boundAfter } from './new-item-id.ts';
import { type LowWaterLook, lookForLowWater, PREPARED } from './operations/low-water-look.ts';
import type { PartitionTable } from './partition-table.ts';

/** So many items leave dead entries behind before it is worth a statement to step over them. */
const ITEMS_BETWEEN_LOOKS = 1_000;
/** The shortest time between two looks. */
const LOOK_INTERVAL_MS = 100;
/** How often a lease starts at the very head again. */
const HEAD_INTERVAL_MS = 5_000;
/** The same where the last one found nothing, and a consumer waits. */
const HEAD_INTERVAL_EMPTY_MS = 1_000;
/** Leases from the head take at most one part in so many of the time. */
const HEAD_SHARE = 50;

/** Ids under a bound, on their way to being settled; see {@link LowWaterMark}. */
interface Settling {
  readonly bound: string;
  /** Those who may still be writing an item under the bound; undefined: not looked yet. */
  writers: ReadonlySet<string> | undefined;
}

/**
 * An id under which no item of a partition waits, so that a lease need not
 * begin at the head of its index. There lie the entries of all that was ever
 * leased and that vacuum has not removed; while a transaction is held open
 * anywhere in the database it can remove none of them.
 *
 * The mark may pass an id only when no item can turn up under it any more.
 * Nobody else has to help for that, and no clock has to agree:
 *
 * 1. A look reads the last number of the sequence. Ids up to it are handed out.
 * 2. A later look reads which transactions hold the lock of a writer on the
 *    table. Who is still to write an item under that bound is among them: an
 *    INSERT takes the lock before it takes its numbers, and keeps it to the end
 *    of its transaction.
 * 3. A later look finds that all of them have ended. PostgreSQL lets go of a
 *    transaction's locks after it has made its rows visible. One that is
 *    prepared by then may be any of them, and has not ended.
 * 4. The look after that sees every item under the bound that there will ever
 *    be. The first waiting one, or the bound where there is none, is the mark.
 *    A lease in progress does not hide an item from it, as it is a plain read.
 *
 * One way leads back: a lease that nobody was told of is undone, and its items
 * wait again where they were. The process that does it lowers its mark. Others
 * find them by the lease that starts at the head every few seconds, which is
 * also what heals whatever else may have been done to the table by hand. To
 * the consumers of these others the items were leased a moment longer.
 */
export class LowWaterMark {
  readonly #db: Pick<Database, 'read'>;
  readonly #table: PartitionTable;
  readonly #clock: Clock;
  #mark: ItemId = '';
  #settling: Settling[] = [];
  #leasedSinceLook = 0;
  #looking = false;
  #lookedAt: Instant;
  #headAt: Instant;
  /** How long the last lease from the head took. */
  #headTookMs = 0;
  #cameBackEmpty = false;
  /** Whether something may wait below the mark. */
  #headWanted = false;
  /** Counts the times the mark was lowered: a look that was under way then knows nothing of it. */
  #lowered = 0;

  constructor(deps: {
    readonly db: Pick<Database, 'read'>;
    readonly table: PartitionTable;
    readonly clock: Clock;
  }) {
    this.#db = deps.db;
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#lookedAt = deps.clock.now();
    this.#headAt = this.#lookedAt;
  }

  /** Where no item waits below; empty: nothing is known. */
  get mark(): ItemId {
    return this.#mark;
  }

  /**
   * Runs a lease from the right place on.
   *
   * @param take leases items whose id is not less than `from`, in order of ids.
   */
  async lease<T extends { readonly id: ItemId }>(
    take: (from: ItemId) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const { result: items, fromHead } = await this.#run(take);
    if (fromHead) {
      this.#headWanted = false;
      for (const { id } of items) this.#lowerTo(id);
    }
    this.#cameBackEmpty = items.length === 0;
    this.#leased(items.length);
    return items;
  }

  /**
   * Runs a produce that leases its items where none waits, from the right
   * place on. What waits there is found by the next lease.
   *
   * @param store stores items, and leases them unless one waits whose id is
   *   not less than `from`.
   */
  async produceAndLease<T extends { readonly leased: readonly unknown[] }>(
    store: (from: ItemId) => Promise<T>,
  ): Promise<T> {
    const { result, fromHead } = await this.#run(store);
    // Something waits, and nobody knows where: perhaps below the mark. The next lease finds it.
    if (fromHead && result.leased.length === 0) this.#headWanted = true;
    this.#cameBackEmpty = false;
    this.#leased(result.leased.length);
    return result;
  }

  /** These items wait again, at their old place. */
  released(ids: readonly ItemId[]): void {
    for (const id of ids) this.#lowerTo(id);
    this.#lowered++;
  }

  /** Runs a statement from the mark on, or now and then from the head. */
  async #run<T>(
    statement: (from: ItemId) => Promise<T>,
  ): Promise<{ readonly result: T; readonly fromHead: boolean }> {
    const start = this.#clock.now();
    const fromHead = this.#mark === '' || this.#headWanted || this.#isHeadDue(start);
    if (fromHead) this.#headAt = start;
    try {
      const result = await statement(fromHead ? '' : this.#mark);
      if (fromHead) this.#headTookMs = millisecondsBetween(start, this.#clock.now());
      return { result, fromHead };
    } catch (error) {
      // Perhaps the server is another now, one that has not got all that the other had.
      this.#lowerTo('');
      throw error;
    }
  }

  #leased(items: number): void {
    this.#leasedSinceLook += items;
    if (this.#isLookWorthwhile(this.#clock.now())) void this.#look();
  }

  #lowerTo(id: ItemId): void {
    if (id >= this.#mark) return;
    this.#mark = id;
    this.#settling = [];
    this.#lowered++;
  }

  #isHeadDue(now: Instant): boolean {
    const interval = this.#cameBackEmpty ? HEAD_INTERVAL_EMPTY_MS : HEAD_INTERVAL_MS;
    return millisecondsBetween(this.#headAt, now) >= Math.max(interval, HEAD_SHARE * this.#headTookMs);
  }

  #isLookWorthwhile(now: Instant): boolean {
    return (
      !this.#looking &&
      this.#leasedSinceLook >= ITEMS_BETWEEN_LOOKS &&
      millisecondsBetween(this.#lookedAt, now) >= LOOK_INTERVAL_MS
    );
  }

  /** A look that fails is a look that was not: the mark stays, which is always right. */
  async #look(): Promise<void> {
    this.#looking = true;
    this.#leasedSinceLook = 0;
    const lowered = this.#lowered;
    try {
      const seen = await lookForLowWater({ db: this.#db, table: this.#table }, this.#mark);
      if (lowered === this.#lowered) this.#learn(seen);
    } catch {
      this.#settling = [];
    } finally {
      this.#looking = false;
      this.#lookedAt = this.#clock.now();
    }
  }

  #learn({ last, writers: writing, first }: LowWaterLook): void {
    const settled = this.#settling.findLast((each) => each.writers?.size === 0);
    if (settled !== undefined) {
      this.#mark = first !== undefined && first < settled.bound ? first : settled.bound;
      this.#settling.splice(0, this.#settling.indexOf(settled) + 1);
    }
    for (const each of this.#settling) {
      const before = each.writers ?? writing;
      each.writers = new Set([...writing].filter((writer) => before.has(writer) || writer === PREPARED));
    }
    this.#settling.push({ bound: boundAfter(last), writers: undefined });
  }
}
