import {
  type Instant,
  type ItemId,
  microseconds,
  type PartitionSize,
  type PartitionStats,
} from '@querator/core';
import { Counts } from './counts.ts';
import { type Deadline, Deadlines, isBefore } from './deadlines.ts';
import { DedupKeys } from './dedup-keys.ts';
import type { Entry, EntryState } from './entry.ts';
import { Heap } from './heap.ts';
import { type PackedContent, packedBytes } from './packed-content.ts';
import { CHANGES_AT_ONCE, LargeCalls, LOOKS_AT_ONCE, type Pause } from './turns.ts';

/** Up to this number, gone entries are not removed from the array. */
const GONE_ALLOWED = 1_024;

/** A clear that has not looked at all its entries yet. */
interface Clearing {
  readonly states: StateSet;
  /** The entry to look at next. */
  next: ItemId;
  /** The last entry when the clear began. */
  readonly last: ItemId;
  removed: number;
}

/** For each state, whether it belongs to the set. */
export type StateSet = Readonly<Record<EntryState, boolean>>;

const NO_CONTENT: PackedContent = { encoding: '', kind: '', reference: '', payload: '' };

/**
 * The items of one partition, in id order.
 *
 * New ids are always the greatest, so an append-only array is in order. Entries
 * that are gone stay in it until they are the greater part. A cursor that only
 * moves forward finds waiting entries: no entry before it waits, except released
 * ones, which are in a heap.
 */
export class ItemTable {
  /** The dedup keys of the partition, which end with it. */
  readonly dedupKeys = new DedupKeys();
  readonly largeCalls = new LargeCalls();
  /** Called with the id of each entry that is added, changed or removed, while the partition moves. */
  onChange: ((id: ItemId) => void) | undefined;
  readonly #byId = new Map<ItemId, Entry>();
  readonly #bySource = new Map<ItemId, Entry>();
  /** By state: within one state, deadlines mostly arrive in order. */
  readonly #deadlines: Record<EntryState, Deadlines<Entry>> = {
    waiting: new Deadlines(),
    leased: new Deadlines(),
    scheduled: new Deadlines(),
    prepared: new Deadlines(),
    moving: new Deadlines(),
    moved: new Deadlines(),
    gone: new Deadlines(),
  };
  readonly #allDeadlines = Object.values(this.#deadlines);
  readonly #counts = new Counts();
  #bytes = 0;
  readonly #released = new Heap<Entry>((a, b) => a.id < b.id);
  #inOrder: Entry[] = [];
  #gone = 0;
  #cursor = 0;
  #clearing: Clearing | undefined;

  get(id: ItemId): Entry | undefined {
    return this.#byId.get(id);
  }

  bySource(id: ItemId): Entry | undefined {
    return this.#bySource.get(id);
  }

  stats(now: Instant): PartitionStats {
    const head = this.oldestWaiting();
    const headAge = microseconds(head === undefined ? 0n : now - head.createdAt);
    return { ...this.#counts.stats(now), headAge };
  }

  size(): PartitionSize {
    return { items: this.#byId.size, bytes: this.#bytes };
  }

  /** Adds an entry whose id is greater than all others. */
  append(entry: Entry): void {
    this.#byId.set(entry.id, entry);
    if (entry.sourceId !== undefined) this.#bySource.set(entry.sourceId, entry);
    this.#inOrder.push(entry);
    this.#bytes += packedBytes(entry.content);
    this.#counts.add(entry);
    this.#deadlines[entry.state].set(entry, entry.due);
    this.onChange?.(entry.id);
  }

  /** Changes the state of an entry and its deadline. The entry keeps its place. */
  change(entry: Entry, state: Exclude<EntryState, 'gone'>, due: Instant): void {
    this.#counts.subtract(entry);
    this.#deadlines[entry.state].cancel(entry);
    entry.state = state;
    entry.due = due;
    this.#counts.add(entry);
    this.#deadlines[state].set(entry, due);
    if (state === 'waiting') this.#released.push(entry);
    this.onChange?.(entry.id);
  }

  remove(entry: Entry): void {
    this.#counts.subtract(entry);
    this.#deadlines[entry.state].cancel(entry);
    this.#byId.delete(entry.id);
    if (entry.sourceId !== undefined) this.#bySource.delete(entry.sourceId);
    entry.state = 'gone';
    this.#bytes -= packedBytes(entry.content);
    entry.content = NO_CONTENT;
    if (entry.kept !== undefined) entry.kept = undefined;
    this.#gone++;
    this.onChange?.(entry.id);
    if (this.#gone > GONE_ALLOWED && this.#gone > this.#inOrder.length / 2) this.#closeGaps();
  }

  /** The entry with the greatest id. */
  get last(): Entry | undefined {
    return this.backwardsFrom(undefined).next().value ?? undefined;
  }

  /** The waiting entry with the lowest id. */
  oldestWaiting(): Entry | undefined {
    while (this.#cursor < this.#inOrder.length && this.#inOrder[this.#cursor]?.state !== 'waiting') {
      this.#cursor++;
    }
    let released = this.#released.peek();
    while (released !== undefined && released.state !== 'waiting') {
      this.#released.pop();
      released = this.#released.peek();
    }
    const next = this.#inOrder[this.#cursor];
    if (released === undefined) return next;
    return next === undefined || released.id < next.id ? released : next;
  }

  /** All entries from the pivot on, or from the next greater id. */
  *from(pivot: string): Generator<Entry> {
    for (let index = this.#firstFrom(pivot); index < this.#inOrder.length; index++) {
      const entry = this.#inOrder[index] as Entry;
      if (entry.state !== 'gone') yield entry;
    }
  }

  /** Calls `visit` with the same entries, until it returns false. A generator would make an object for each of them. */
  visitFrom(pivot: string, visit: (entry: Entry) => boolean): void {
    for (let index = this.#firstFrom(pivot); index < this.#inOrder.length; index++) {
      const entry = this.#inOrder[index] as Entry;
      if (entry.state !== 'gone' && !visit(entry)) return;
    }
  }

  /** All entries before the id, the greatest first. @param before undefined: from the last entry. */
  *backwardsFrom(before: string | undefined): Generator<Entry> {
    const end = before === undefined ? this.#inOrder.length : this.#firstFrom(before);
    for (let index = end - 1; index >= 0; index--) {
      const entry = this.#inOrder[index] as Entry;
      if (entry.state !== 'gone') yield entry;
    }
  }

  /**
   * Removes all entries in the given states that are in the table now, some in each
   * turn of the event loop. Only one clear may run at a time.
   *
   * @returns their number.
   */
  async clear(states: StateSet, pause: Pause): Promise<number> {
    const last = this.#inOrder.at(-1)?.id;
    if (last === undefined) return 0;
    const clearing: Clearing = { states, next: '', last, removed: 0 };
    this.#clearing = clearing;
    while (this.#clearSome(clearing)) await pause();
    this.#clearing = undefined;
    return clearing.removed;
  }

  /**
   * Removes an entry that is about to return to the tail, if a running clear has yet
   * to remove it: there the clear would not find it.
   */
  removeIfCleared(entry: Entry): boolean {
    const clearing = this.#clearing;
    if (clearing === undefined || !clearing.states[entry.state]) return false;
    if (entry.id < clearing.next || entry.id > clearing.last) return false;
    this.remove(entry);
    clearing.removed++;
    return true;
  }

  /** The earliest deadline of all states. */
  nextDue(): Instant | undefined {
    return this.#firstDeadline()?.at;
  }

  /** The entry with the earliest deadline, if that is before `now`. The caller must change or remove it at once. */
  takeDue(now: Instant): Entry | undefined {
    const first = this.#firstDeadline();
    if (first === undefined || first.at >= now) return undefined;
    this.#deadlines[first.entry.state].takeFirst(first);
    return first.entry;
  }

  /** @returns whether there is more to clear. */
  #clearSome(clearing: Clearing): boolean {
    const found: Entry[] = [];
    let looks = 0;
    let next: ItemId | undefined;
    for (const entry of this.from(clearing.next)) {
      if (entry.id > clearing.last) break;
      next = entry.id;
      if (++looks > LOOKS_AT_ONCE || found.length === CHANGES_AT_ONCE) break;
      next = undefined;
      if (clearing.states[entry.state]) found.push(entry);
    }
    // Not while they are read: a removal may move the entries in the array.
    for (const entry of found) this.remove(entry);
    clearing.removed += found.length;
    clearing.next = next ?? '';
    return next !== undefined;
  }

  #firstDeadline(): Deadline<Entry> | undefined {
    let first: Deadline<Entry> | undefined;
    for (const deadlines of this.#allDeadlines) {
      const candidate = deadlines.first();
      if (candidate !== undefined && (first === undefined || isBefore(candidate, first))) first = candidate;
    }
    return first;
  }

  /** The index of the first entry whose id is not less than the pivot, by binary search. */
  #firstFrom(pivot: string): number {
    let low = 0;
    let high = this.#inOrder.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#inOrder[middle] as Entry).id < pivot) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #closeGaps(): void {
    let passed = 0;
    for (let index = 0; index < this.#cursor; index++) if (this.#inOrder[index]?.state !== 'gone') passed++;
    this.#inOrder = this.#inOrder.filter((entry) => entry.state !== 'gone');
    this.#cursor = passed;
    this.#gone = 0;
  }
}
