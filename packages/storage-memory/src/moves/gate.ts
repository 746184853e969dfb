import {
  type CarriedItem,
  type CarriedKey,
  type GateState,
  type Instant,
  type MoveClaim,
  StorageError,
} from '@querator/core';
import type { ItemTable } from '../item-table.ts';

/** Stands for changes that entries cannot tell. */
const ANEW = 'anew';

/** What a partition lets through while it moves, and what has changed since. */
export class Gate {
  readonly task: string;
  /** When the queue was created. Undefined: not known. */
  readonly createdAt: Instant | undefined;
  generation: number;
  /** Another number each time that a move begins here. */
  readonly begun: number;
  state: GateState;
  /** What was written to the target so far. */
  readonly items = new Map<string, CarriedItem>();
  readonly keys = new Map<string, CarriedKey>();
  /** What has changed, with the number of its last change. */
  readonly #changes = new Map<string, number>();
  #changed = 0;

  constructor(
    { task, generation }: MoveClaim,
    { state, createdAt, begun }: Pick<Gate, 'state' | 'createdAt' | 'begun'>,
  ) {
    this.task = task;
    this.createdAt = createdAt;
    this.generation = generation;
    this.begun = begun;
    this.state = state;
  }

  /** Whether calls of the partition may write. @param adds whether they add items. */
  isOpen(adds: boolean): boolean {
    return this.state === 'copying' || this.state === 'open' || (this.state === 'leaving' && !adds);
  }

  /** Writes the changes of a table down from now on. */
  watch(table: ItemTable): void {
    table.onChange = (id) => this.#note(`item ${id}`);
    table.dedupKeys.onAdd = (key) => this.#note(`key ${key}`);
  }

  /** The table was replaced. */
  beginAnew(): void {
    this.#note(ANEW);
  }

  /** The oldest entries. */
  changes(
    limit: number,
  ): ReadonlyMap<string, { readonly kind: 'item' | 'key' | 'anew'; readonly id: string }> {
    const found = new Map<string, { readonly kind: 'item' | 'key' | 'anew'; readonly id: string }>();
    for (const [what, number] of this.#changes) {
      if (found.size === limit) break;
      const [kind = ANEW] = what.split(' ', 1);
      found.set(`${number} ${what}`, { kind: kind as 'item', id: what.slice(kind.length + 1) });
    }
    return found;
  }

  /** Removes entries, unless there was a later change. */
  settle(entries: readonly string[]): void {
    for (const entry of entries) {
      const space = entry.indexOf(' ');
      const what = entry.slice(space + 1);
      if (this.#changes.get(what) === Number(entry.slice(0, space))) this.#changes.delete(what);
    }
  }

  #note(what: string): void {
    // The last change is the last entry.
    this.#changes.delete(what);
    this.#changes.set(what, ++this.#changed);
  }
}

/** The lowest `keySpread` that a partition takes. */
interface Fence {
  readonly keySpread: number;
  /** When the queue was created. Undefined: not known. */
  readonly createdAt: Instant | undefined;
}

/** The gates of the partitions that move, or have left, and the fences of dedup keys. */
export class Gates {
  readonly #storage: string;
  readonly #gates = new Map<string, Gate>();
  readonly #fences = new Map<string, Fence>();
  /** How many moves have begun. */
  #begun = 0;

  /** @param storage the name of the backend, for errors. */
  constructor(storage: string) {
    this.#storage = storage;
  }

  /** Begins a move of a partition, or its leaving, in place of what was there. */
  begin(key: string, claim: MoveClaim, given: Pick<Gate, 'state' | 'createdAt'>): Gate {
    const gate = new Gate(claim, { ...given, begun: ++this.#begun });
    this.#gates.set(key, gate);
    return gate;
  }

  get(key: string): Gate | undefined {
    return this.#gates.get(key);
  }

  delete(key: string): void {
    this.#gates.delete(key);
  }

  /** The partition was removed. */
  forget(key: string): void {
    this.#gates.delete(key);
    this.#fences.delete(key);
  }

  clear(): void {
    this.#gates.clear();
    this.#fences.clear();
  }

  /** Puts a fence on the dedup keys of a partition. @returns false if it has a higher one. */
  fence(key: string, fence: Fence): boolean {
    if (this.#fenceOf(key, fence.createdAt) > fence.keySpread) return false;
    this.#fences.set(key, fence);
    return true;
  }

  /** @throws StorageError `closed` if the partition takes no keys of that spread. */
  checkKeys(key: string, createdAt: Instant | undefined, keySpread: number): void {
    if (keySpread >= this.#fenceOf(key, createdAt)) return;
    const message = `storage '${this.#storage}': the dedup keys of the queue go to other partitions by now`;
    throw new StorageError(message, { outcome: 'not-applied', closed: true });
  }

  /** A later queue of the name has no fence of an earlier one. */
  #fenceOf(key: string, createdAt: Instant | undefined): number {
    const fence = this.#fences.get(key);
    const isOther =
      createdAt !== undefined && fence?.createdAt !== undefined && fence.createdAt !== createdAt;
    return fence === undefined || isOther ? 0 : fence.keySpread;
  }

  /**
   * @param adds whether the call adds items.
   * @param createdAt when the queue was created. A later queue begins anew where an earlier one has left.
   * @throws StorageError `closed` if calls of the partition must not write.
   */
  checkOpen(key: string, createdAt: Instant | undefined, adds: boolean): void {
    const gate = this.#gates.get(key);
    if (gate === undefined || gate.isOpen(adds)) return;
    if (gate.createdAt !== createdAt && gate.createdAt !== undefined && createdAt !== undefined) {
      this.#gates.delete(key);
      return;
    }
    const message = `storage '${this.#storage}': the partition moves to another storage, or has moved`;
    throw new StorageError(message, { outcome: 'not-applied', closed: true });
  }
}
