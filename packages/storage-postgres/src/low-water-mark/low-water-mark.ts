import { type Clock, type Instant, type ItemId, millisecondsBetween } from '@querator/core';
import type { Database } from '../database/database.ts';
import { isStatementTimeout } from '../errors/postgres-error.ts';
import type { RunSerially } from '../pool/serial-queue.ts';
import { boundAfter } from '../sql/new-item-id.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { firstWaiting } from './head-walk.ts';
import { isLongIndex } from './lease-index-size.ts';
import { type LowWaterSnapshot, readLowWater } from './low-water-snapshot.ts';
import { MarkRecord } from './mark-record.ts';
import type { SavedMarks } from './saved-marks.ts';
import { SettledBounds } from './settled-bounds.ts';

/** So many items leave dead entries behind before it is worth a statement to step over them. */
const ITEMS_BETWEEN_LOOKS = 1_000;
/** The shortest time between two looks. */
const LOOK_INTERVAL_MS = 100;
/** Looks take at most one part in so many of the time. */
const LOOK_SHARE = 10;
/** How often what lies below the mark is looked at again. */
const HEAD_INTERVAL_MS = 5_000;
/** The same where the last lease found nothing, and a consumer waits. */
const HEAD_INTERVAL_EMPTY_MS = 1_000;
/** Looks from the head take at most one part in so many of the time. */
const HEAD_SHARE = 20;
/** A consumer's lease starts at the head only where the last look from there took no longer. */
const SHORT_HEAD_MS = 5;
/** A lease that takes longer walks over dead entries that it should not have to. */
const SLOW_LEASE_MS = 1_000;
/** Without a lease for so long others may have come far, and the mark says little. */
const STALE_MS = 60_000;
/** So often a process that starts looks for writers that end, and how long it waits in between. */
const STARTING_LOOKS = 8;
const STARTING_PAUSE_MS = 10;
/** Greater than every id. */
const BEYOND = '~';

/** Leases items whose id is not less than `from`, and less than `below` where that is given, in order of ids. */
type Take<T> = (from: ItemId, below?: ItemId) => Promise<readonly T[]>;

/** What a mark works with. */
export interface LowWaterMarkDeps {
  readonly db: Pick<Database, 'read'>;
  readonly table: PartitionTable;
  readonly clock: Clock;
  /** Has looks that no request waits for take turns; absent: they are run as they come. */
  readonly runSerially?: RunSerially;
  /** Where marks are written down; absent: nowhere. */
  readonly saved?: SavedMarks;
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
 * find them by the look from the head every few seconds, which is also what
 * heals whatever else may have been done to the table by hand. To the
 * consumers of these others the items were leased a moment longer. The look is
 * a lease from the head while that is short; else it is a walk in the
 * background, and leases take what it finds before they go on at the mark.
 *
 * A process that starts, or has not leased for a while, knows no mark or one
 * that is far behind; so does one whose lease was slow or ran into its limit.
 * It first looks for one: from what others have written down it walks
 * to the first waiting item, and leases wait for that. Where writers do not
 * end meanwhile there is no mark to be had; leases then start at that item all
 * the same, and the looks from the head find what turns up before it.
 */
export class LowWaterMark {
  readonly #db: Pick<Database, 'read'>;
  readonly #table: PartitionTable;
  readonly #clock: Clock;
  readonly #runSerially: RunSerially;
  readonly #record: MarkRecord;
  #mark: ItemId = '';
  /** Where leases start that is after the mark, and unproven; empty: at the mark. */
  #start: ItemId = '';
  /** Where something was seen waiting below the mark; undefined: nowhere. */
  #below: ItemId | undefined;
  readonly #bounds = new SettledBounds();
  /** Whether leases that start where they do are known to be short. */
  #known = false;
  #finding: Promise<void> | undefined;
  #leasedSinceLook = 0;
  #looking = false;
  #lookedAt: Instant;
  #lookTookMs = 0;
  #leasedAt: Instant;
  #headAt: Instant;
  /** How long the last look from the head took; undefined: nobody knows. */
  #headTookMs: number | undefined;
  #lookingAtHead = false;
  #cameBackEmpty = false;
  /** Whether something may wait below the mark. */
  #headWanted = false;
  /** Counts the times the mark was lowered: a look that was under way then knows nothing of it. */
  #lowered = 0;

  constructor({ db, table, clock, runSerially = (work) => work(), saved }: LowWaterMarkDeps) {
    this.#db = db;
    this.#table = table;
    this.#clock = clock;
    this.#runSerially = runSerially;
    this.#record = new MarkRecord({ table, clock, runSerially, saved });
    this.#lookedAt = clock.now();
    this.#headAt = this.#lookedAt;
    this.#leasedAt = this.#lookedAt;
  }

  /** Where no item waits below; empty: nothing is known. */
  get mark(): ItemId {
    return this.#mark;
  }

  /**
   * From where a poll is to look for waiting items, which sees to it as a
   * lease does that what waits below the mark is found.
   *
   * @returns undefined: some were seen, and a poll need not look; empty: the
   *   head; `unknown`: the head, if that is short.
   */
  pollFrom(): ItemId | 'unknown' | undefined {
    const now = this.#clock.now();
    if (this.#below !== undefined) return undefined;
    if (!this.#known || this.#isStale(now)) return 'unknown';
    if (this.#from === '' || !this.#isHeadDue(now)) return this.#from;
    if (this.#isHeadShort) return '';
    this.#lookAtHead();
    return this.#from;
  }

  /**
   * Runs a lease from the right place on.
   *
   * @param take leases items.
   */
  async lease<T extends { readonly id: ItemId }>(take: Take<T>): Promise<readonly T[]> {
    if (!(await this.#isShort())) await this.#find();
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
   * Runs a produce that leases its items where none waits, from the right
   * place on. What waits there is found by the next lease.
   *
   * @param store stores items, and leases them unless one waits whose id is
   *   not less than `from`; without it, it leases none.
   */
  async produceAndLease<T extends { readonly leased: readonly unknown[] }>(
    store: (from: ItemId | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#below !== undefined) return await store(undefined);
    if (!(await this.#isShort())) {
      // A produce does not wait for it.
      this.#find().catch(() => {});
      return await store(undefined);
    }
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

  get #from(): ItemId {
    if (this.#start > this.#mark) return this.#start;
    return this.#mark;
  }

  get #isHeadShort(): boolean {
    return this.#headTookMs !== undefined && this.#headTookMs <= SHORT_HEAD_MS;
  }

  /** Runs a statement from the mark on, or now and then from the head. */
  async #run<T>(
    statement: (from: ItemId) => Promise<T>,
  ): Promise<{ readonly result: T; readonly fromHead: boolean }> {
    const start = this.#clock.now();
    const isDue = this.#headWanted || this.#isHeadDue(start);
    if (isDue && this.#from !== '' && !this.#isHeadShort) this.#lookAtHead();
    const fromHead = this.#from === '' || (isDue && this.#isHeadShort);
    if (fromHead) this.#headAt = start;
    try {
      const result = await statement(fromHead ? '' : this.#from);
      const tookMs = millisecondsBetween(start, this.#clock.now());
      if (fromHead) this.#headTookMs = tookMs;
      if (tookMs > SLOW_LEASE_MS) this.#known = false;
      return { result, fromHead };
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** What was seen waiting below the mark, as far as others have not taken it meanwhile. */
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
    // Perhaps the server is another now, one that has not got all that the other had.
    if (!isStatementTimeout(error)) this.#lowerTo('');
  }

  #leased(items: number): void {
    this.#leasedAt = this.#clock.now();
    this.#leasedSinceLook += items;
    this.#record.leased(items);
    if (this.#isLookWorthwhile(this.#leasedAt)) void this.#look();
  }

  #lowerTo(id: ItemId): void {
    if (id >= this.#from) return;
    this.#start = '';
    this.#lowered++;
    if (id >= this.#mark) return;
    this.#mark = id;
    this.#bounds.forget();
  }

  #isHeadDue(now: Instant): boolean {
    const interval = this.#cameBackEmpty ? HEAD_INTERVAL_EMPTY_MS : HEAD_INTERVAL_MS;
    const share = HEAD_SHARE * (this.#headTookMs ?? 0);
    return !this.#lookingAtHead && millisecondsBetween(this.#headAt, now) >= Math.max(interval, share);
  }

  /** Looks in the background whether something waits below where leases start. */
  #lookAtHead(): void {
    this.#lookingAtHead = true;
    this.#headWanted = false;
    const begun = this.#clock.now();
    const found = firstWaiting(this.#walk, '', this.#from);
    const done = (below: ItemId | undefined) => {
      this.#below ??= below;
      this.#headAt = this.#clock.now();
      this.#headTookMs = millisecondsBetween(begun, this.#headAt);
      this.#lookingAtHead = false;
    };
    found.then(done, () => done(undefined));
  }

  get #walk() {
    return { db: this.#db, table: this.#table, clock: this.#clock, runSerially: this.#runSerially };
  }

  /** Whether a lease that starts where the next one does is short, as far as can be told. */
  async #isShort(): Promise<boolean> {
    if (this.#isStale(this.#clock.now())) this.#known = false;
    if (this.#known) return true;
    try {
      if (this.#finding !== undefined || (await isLongIndex(this.#db, this.#table))) return false;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#known = true;
    this.#leasedAt = this.#clock.now();
    return true;
  }

  /** Finds where to start; all who want to know wait for the same search. */
  #find(): Promise<void> {
    this.#finding ??= this.#search().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
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
      else this.#mark = first === undefined || settled < first ? settled : first;
      this.#headTookMs = undefined;
      // Nobody else has to walk as far.
      this.#record.write(this.#mark).catch(() => {});
    }
    this.#known = true;
    this.#leasedAt = this.#clock.now();
  }

  /** Looks until a bound is settled, for a moment; `end` is greater than every id up to now. */
  async #awaitWriters(): Promise<{ readonly settled: ItemId | undefined; readonly end: ItemId }> {
    this.#bounds.forget();
    for (let looks = 1; ; looks++) {
      const seen = await this.#runSerially(() => readLowWater(this.#walk, BEYOND));
      const settled = this.#bounds.afterSnapshot(seen);
      if (settled !== undefined || looks === STARTING_LOOKS) return { settled, end: boundAfter(seen.last) };
      if (seen.writers.size > 0) await this.#pause(STARTING_PAUSE_MS);
    }
  }

  #isStale(now: Instant): boolean {
    return millisecondsBetween(this.#leasedAt, now) >= STALE_MS;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.startTimer(ms, resolve));
  }

  #isLookWorthwhile(now: Instant): boolean {
    const interval = Math.max(LOOK_INTERVAL_MS, LOOK_SHARE * this.#lookTookMs);
    return (
      !this.#looking &&
      this.#leasedSinceLook >= ITEMS_BETWEEN_LOOKS &&
      millisecondsBetween(this.#lookedAt, now) >= interval
    );
  }

  /** A look that fails is a look that was not: the mark stays, which is always right. */
  async #look(): Promise<void> {
    this.#looking = true;
    this.#leasedSinceLook = 0;
    const lowered = this.#lowered;
    const begun = this.#clock.now();
    try {
      const seen = await this.#runSerially(() => readLowWater(this.#walk, this.#mark));
      if (lowered === this.#lowered) this.#learn(seen);
      await this.#record.update(this.#mark);
    } catch (error) {
      this.#bounds.forget();
      // What it walked over a lease will walk over too.
      if (isStatementTimeout(error)) this.#known = false;
    } finally {
      this.#looking = false;
      this.#lookedAt = this.#clock.now();
      this.#lookTookMs = millisecondsBetween(begun, this.#lookedAt);
    }
  }

  #learn(seen: LowWaterSnapshot): void {
    // A sequence that stands below the mark was set back, and says that the mark may be wrong.
    if (boundAfter(seen.last) < this.#mark) this.#lowerTo('');
    const settled = this.#bounds.afterSnapshot(seen);
    const { first } = seen;
    if (settled !== undefined) {
      this.#mark = first !== undefined && first < settled ? first : settled;
    }
  }
}
