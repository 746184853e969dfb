import {
  BACKGROUND_PARTS,
  type Clock,
  type Instant,
  type ItemId,
  millisecondsBetween,
  SharedRun,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { isStatementTimeout } from '../errors/postgres-error.ts';
import type { RunSerially } from '../pool/semaphore.ts';
import { boundAfter } from '../sql/new-item-id.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { DutyCycle } from './duty-cycle.ts';
import { firstWaiting } from './head-walk.ts';
import { type IndexSize, leaseIndexSize } from './lease-index-size.ts';
import { type LowWaterSnapshot, readLowWater } from './low-water-snapshot.ts';
import { MarkRecord } from './mark-record.ts';
import type { SavedMarks } from './saved-marks.ts';
import { type Bound, SettledBounds } from './settled-bounds.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';

/** How often the part below the mark is checked. */
const HEAD_INTERVAL_MS = 5_000;
/** The same if the last lease found nothing and a consumer waits. */
const HEAD_INTERVAL_EMPTY_MS = 1_000;
/** A lease of a consumer only starts at the head if the last check from there was this short. */
const SHORT_HEAD_MS = 5;
/** A slower lease walks over dead entries that it should have skipped. */
const SLOW_LEASE_MS = 1_000;
/** Without a lease for this long, other processes may have moved far ahead of the mark. */
const STALE_MS = 60_000;
/** How often a process that starts checks whether writers have ended, and the pause in between. */
const STARTING_SNAPSHOTS = 8;
const STARTING_PAUSE_MS = 10;
/** Greater than every id. */
const BEYOND = '~';

/** Leases items with ids from `from` to below `below`, in order. Undefined: no upper bound. */
type Take<T> = (from: ItemId, below?: ItemId) => Promise<readonly T[]>;

/** Dependencies of a mark. */
export interface LowWaterMarkDeps {
  readonly db: Pick<Database, 'read'>;
  readonly table: PartitionTable;
  readonly clock: Clock;
  /** Runs reads that no request waits for one at a time. Undefined: they run at once. */
  readonly runSerially?: RunSerially;
  /** Where marks are saved. Undefined: nowhere. */
  readonly saved?: SavedMarks;
}

/**
 * An id below which no item of a partition waits. A lease that starts there skips the
 * head of its index. The head keeps the entries of all leased items until vacuum
 * removes them. A transaction that is held open anywhere in the database prevents
 * that.
 *
 * The mark may only pass an id once no item can appear below it any more. That needs
 * no help from other processes, and no common clock:
 *
 * 1. A snapshot reads the last number of the sequence. All ids up to it are given out.
 * 2. A later snapshot reads which transactions hold a writer's lock on the table. They
 *    include all that are still to write an item below that bound. An INSERT takes the
 *    lock before its numbers, and keeps it to the end of its transaction.
 * 3. A later snapshot finds that all of them have ended. PostgreSQL releases a
 *    transaction's locks after its rows are visible. A transaction that is prepared by
 *    then may be any of them, and has not ended.
 * 4. The next snapshot sees every item below the bound that there will ever be. The
 *    mark is the first waiting one, or the bound if there is none. A lease in progress
 *    does not hide an item from it, since it is a plain read.
 *
 * An item can wait below the mark again if a lease is undone because its consumer
 * never got the answer. The process that undoes it lowers its mark. Other processes
 * find the item by a check from the head every few seconds. That check also heals
 * changes made to the table by hand. Their consumers see the items as leased a moment
 * longer. The check is a lease from the head while that is short. Otherwise it is a
 * walk in the background. Leases take the items that it finds before they continue at the mark.
 *
 * A process that starts, or has not leased for a while, has no mark or an old one. The
 * same is assumed after a slow lease or one that reached its time limit. The process
 * then searches: it walks from the saved mark to the first waiting item. Leases wait
 * for that if the index is long, and none searches if it is short. If writers do not
 * end meanwhile there is no proven mark. Leases start at that item nevertheless, and
 * checks from the head find what appears before it.
 */
export class LowWaterMark {
  readonly #db: Pick<Database, 'read'>;
  readonly #table: PartitionTable;
  readonly #clock: Clock;
  readonly #runSerially: RunSerially;
  readonly #record: MarkRecord;
  #mark: ItemId = '';
  /** A start for leases after the mark that is not proven. Empty: start at the mark. */
  #start: ItemId = '';
  /** Where an item was found waiting below the mark. Undefined: nowhere. */
  #below: ItemId | undefined;
  readonly #bounds = new SettledBounds<ItemId>();
  /** Whether leases from the present start are known to be short. */
  #known = false;
  /** Searches for the start of leases. */
  readonly #searches = new SharedRun(() => this.#search());
  readonly #snapshots: SnapshotSchedule;
  #leasedAt: Instant;
  readonly #headReads: DutyCycle;
  #cameBackEmpty = false;
  /** Whether something may wait below the mark. */
  #headWanted = false;
  /** How often the mark was lowered. A check that was in flight does not see that. */
  #lowered = 0;

  constructor({ db, table, clock, runSerially = (work) => work(), saved }: LowWaterMarkDeps) {
    this.#db = db;
    this.#table = table;
    this.#clock = clock;
    this.#runSerially = runSerially;
    this.#record = new MarkRecord({ table, clock, runSerially, saved });
    this.#snapshots = new SnapshotSchedule(clock);
    this.#headReads = new DutyCycle(clock, BACKGROUND_PARTS);
    this.#leasedAt = clock.now();
  }

  /** No item waits below this id. Empty if nothing is known. */
  get mark(): ItemId {
    return this.#mark;
  }

  /**
   * Where a poll starts its search for waiting items. Like a lease, it also starts
   * the check below the mark.
   *
   * @returns the id. Empty: the head. `unknown`: the head, if the index is short.
   *   Undefined: items are known to wait, so no poll is needed.
   */
  pollFrom(): ItemId | 'unknown' | undefined {
    const now = this.#clock.now();
    if (this.#below !== undefined) return undefined;
    if (!this.#known || this.#isStale(now)) return 'unknown';
    if (this.#from === '' || !this.#isHeadDue(now)) return this.#from;
    if (this.#isHeadShort) return '';
    this.#walkFromHead();
    return this.#from;
  }

  /**
   * Runs a lease from the right start.
   *
   * @param take leases items.
   */
  async lease<T extends { readonly id: ItemId }>(take: Take<T>): Promise<readonly T[]> {
    if (!(await this.#isShort())) await this.#searches.join();
    const found = await this.#leaseBelow(take);
    if (found.length > 0) return found;
    const { result: items, fromHead } = await this.#run((from) => take(from));
    if (fromHead) {
      this.#headWanted = false;
      for (const { id } of items) this.#lowerTo(id);
    }
    this.#cameBackEmpty = items.length === 0;
    this.#leased(items.length);
    return items;
  }

  /**
   * Runs a produce that leases its own items if none waits from the right start on.
   * The next lease finds an item that waits below.
   *
   * @param store stores items, and leases them unless an item waits with an id from
   *   `from` on. If `from` is undefined, it leases none.
   */
  async produceAndLease<T extends { readonly leased: readonly unknown[] }>(
    store: (from: ItemId | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#below !== undefined) return await store(undefined);
    if (!(await this.#isShort())) {
      // A produce does not wait for the search.
      this.#searches.join().catch(() => {});
      return await store(undefined);
    }
    const { result, fromHead } = await this.#run(store);
    // An item waits at an unknown place, perhaps below the mark. The next lease finds it.
    if (fromHead && result.leased.length === 0) this.#headWanted = true;
    this.#cameBackEmpty = false;
    this.#leased(result.leased.length);
    return result;
  }

  /** These items wait again at their old place. */
  released(ids: readonly ItemId[]): void {
    for (const id of ids) this.#lowerTo(id);
    this.#lowered++;
  }

  get #from(): ItemId {
    if (this.#start > this.#mark) return this.#start;
    return this.#mark;
  }

  get #isHeadShort(): boolean {
    const { tookMs } = this.#headReads;
    return tookMs !== undefined && tookMs <= SHORT_HEAD_MS;
  }

  /** Runs a statement from the mark on, or from the head if a check is due. */
  async #run<T>(
    statement: (from: ItemId) => Promise<T>,
  ): Promise<{ readonly result: T; readonly fromHead: boolean }> {
    const start = this.#clock.now();
    const isDue = this.#headWanted || this.#isHeadDue(start);
    if (isDue && this.#from !== '' && !this.#isHeadShort) this.#walkFromHead();
    const fromHead = this.#from === '' || (isDue && this.#isHeadShort);
    if (fromHead) this.#headReads.startedAt(start);
    try {
      const result = await statement(fromHead ? '' : this.#from);
      const tookMs = millisecondsBetween(start, this.#clock.now());
      if (fromHead) this.#headReads.tookMs = tookMs;
      if (tookMs > SLOW_LEASE_MS) this.#known = false;
      return { result, fromHead };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Leases the items found below the mark, unless other processes have taken them. */
  async #leaseBelow<T extends { readonly id: ItemId }>(take: Take<T>): Promise<readonly T[]> {
    const below = this.#below;
    if (below === undefined) return [];
    try {
      const items = await take(below, this.#from);
      if (this.#below === below) this.#below = items.at(-1)?.id;
      return items;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    this.#known = false;
    this.#below = undefined;
    // The server may be another one now, which lacks writes of the old one.
    if (!isStatementTimeout(error)) this.#lowerTo('');
  }

  #leased(items: number): void {
    this.#leasedAt = this.#clock.now();
    this.#snapshots.add(items);
    this.#record.leased(items);
    const isDue = this.#searches.isIdle && this.#snapshots.isDue(this.#leasedAt);
    if (isDue) void this.#takeSnapshot();
  }

  #lowerTo(id: ItemId): void {
    if (id >= this.#from) return;
    this.#start = '';
    this.#lowered++;
    if (id >= this.#mark) return;
    this.#mark = id;
    this.#snapshots.lowered();
    this.#bounds.forget();
  }

  #isHeadDue(now: Instant): boolean {
    return this.#headReads.isDue(this.#cameBackEmpty ? HEAD_INTERVAL_EMPTY_MS : HEAD_INTERVAL_MS, now);
  }

  /** Checks in the background whether an item waits below the start of leases. */
  #walkFromHead(): void {
    const end = this.#headReads.begin();
    this.#headWanted = false;
    const found = firstWaiting(this.#walk, '', this.#from);
    const done = (below: ItemId | undefined) => {
      this.#below ??= below;
      end();
    };
    found.then(done, () => done(undefined));
  }

  get #walk() {
    return { db: this.#db, table: this.#table, clock: this.#clock, runSerially: this.#runSerially };
  }

  /** Whether a lease from the present start is expected to be short. */
  async #isShort(): Promise<boolean> {
    if (this.#isStale(this.#clock.now())) this.#known = false;
    if (this.#known) return true;
    if (!this.#searches.isIdle) return false;
    const size = await this.#indexSize();
    if (size === 'long') return false;
    this.#known = true;
    this.#leasedAt = this.#clock.now();
    // Leases do not wait for this search.
    if (size === 'medium') this.#searches.join().catch(() => {});
    return true;
  }

  async #indexSize(): Promise<IndexSize> {
    try {
      return await leaseIndexSize(this.#db, this.#table);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async #search(): Promise<void> {
    const lowered = this.#lowered;
    const saved = await this.#record.read();
    const { settled, end } = await this.#awaitWriters();
    const known = saved > this.#mark && saved <= end ? saved : this.#mark;
    const first = await firstWaiting(this.#walk, known, end);
    if (lowered === this.#lowered) {
      this.#mark = known;
      if (settled === undefined) this.#start = first ?? end;
      else this.#mark = first === undefined || settled.id < first ? settled.id : first;
      this.#snapshots.moved(settled?.leased);
      this.#headReads.tookMs = undefined;
      // Spares other processes the walk.
      this.#record.write(this.#mark).catch(() => {});
    }
    this.#known = true;
    this.#leasedAt = this.#clock.now();
  }

  /** Takes snapshots until a bound is settled, for a moment. `end` is greater than every present id. */
  async #awaitWriters(): Promise<{ readonly settled: Bound<ItemId> | undefined; readonly end: ItemId }> {
    this.#bounds.forget();
    for (let taken = 1; ; taken++) {
      const { leased } = this.#snapshots;
      const seen = await this.#runSerially(() => readLowWater(this.#walk, BEYOND));
      const settled = this.#bounds.afterSnapshot(boundIn(seen), leased);
      if (settled !== undefined || taken === STARTING_SNAPSHOTS)
        return { settled, end: boundAfter(seen.last) };
      if (seen.writers.size > 0) await this.#pause(STARTING_PAUSE_MS);
    }
  }

  #isStale(now: Instant): boolean {
    return millisecondsBetween(this.#leasedAt, now) >= STALE_MS;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.startTimer(ms, resolve));
  }

  /** If it fails, the mark stays as it is, which is always correct. */
  async #takeSnapshot(): Promise<void> {
    const { leased } = this.#snapshots;
    const end = this.#snapshots.begin();
    const lowered = this.#lowered;
    try {
      const seen = await this.#runSerially(() => readLowWater(this.#walk, this.#mark));
      if (lowered === this.#lowered) this.#learn(seen, leased);
      await this.#record.update(this.#mark);
    } catch (error) {
      this.#bounds.forget();
      // A lease would walk over the same entries.
      if (isStatementTimeout(error)) this.#known = false;
    } finally {
      end();
    }
  }

  /** @param leased the number of items that were leased before the snapshot. */
  #learn(seen: LowWaterSnapshot, leased: number): void {
    // A sequence below the mark was set back, so the mark may be wrong.
    if (boundAfter(seen.last) < this.#mark) this.#lowerTo('');
    const settled = this.#bounds.afterSnapshot(boundIn(seen), leased);
    if (settled === undefined) return;
    const { first } = seen;
    const isFirst = first !== undefined && first < settled.id;
    this.#mark = isFirst ? first : settled.id;
    this.#snapshots.moved(isFirst ? leased : settled.leased);
  }
}

function boundIn({ last, writers }: LowWaterSnapshot) {
  return { bound: boundAfter(last), writers };
}
