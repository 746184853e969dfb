import {
  type CarriedKeys,
  type Instant,
  type ItemId,
  KEYS_PAGE_IDS,
  type KeySweepResult,
  type KeysRequest,
  millisecondsBetween,
} from '@querator/core';
import { byteOrder } from './byte-order.ts';
import { Heap } from './heap.ts';

/** A dedup key, and the ids that its items got. */
interface HeldKey {
  readonly key: string;
  readonly ids: readonly ItemId[];
  /** The end of its window. */
  readonly endsAt: Instant;
}

/**
 * The dedup keys of one partition. A key of 20 characters takes 280 bytes, and 60
 * for each of its items after the first (measured). An ended key takes them until it
 * is swept.
 */
export class DedupKeys {
  readonly #held = new Map<string, HeldKey>();
  /** May also contain keys that ended and were stored again since. */
  readonly #byEnd = new Heap<HeldKey>((a, b) => a.endsAt < b.endsAt);

  /** Called with each key that is stored, while the partition moves. */
  onAdd: ((key: string) => void) | undefined;

  /** The number of keys, with those that ended and were not swept. */
  get size(): number {
    return this.#held.size;
  }

  /** When the window of the last key ends. Undefined: there is none. */
  get lastEndsAt(): Instant | undefined {
    let last: Instant | undefined;
    for (const { endsAt } of this.#held.values()) if (last === undefined || endsAt > last) last = endsAt;
    return last;
  }

  /** The ids of a key's items. Undefined if there is no such key, or its window has ended. */
  idsOf(key: string, now: Instant): readonly ItemId[] | undefined {
    const held = this.#held.get(key);
    return held === undefined || held.endsAt <= now ? undefined : held.ids;
  }

  add(key: string, ids: readonly ItemId[], endsAt: Instant): void {
    const held = { key: copyOf(key), ids, endsAt };
    this.#held.set(held.key, held);
    this.#byEnd.push(held);
    this.onAdd?.(held.key);
  }

  /** The key as it is held; none if it is not. */
  held(key: string): readonly HeldKey[] {
    const held = this.#held.get(key);
    return held === undefined ? [] : [held];
  }

  /** Keys in byte order. Reads all of them, and sorts few. @param after undefined: from the first. */
  page(after: string | undefined, limit: number): { keys: readonly HeldKey[]; next: string | undefined } {
    const first = (keys: HeldKey[]) => keys.sort((a, b) => byteOrder(a.key, b.key)).slice(0, limit + 1);
    let later: HeldKey[] = [];
    let last: string | undefined;
    for (const held of this.#held.values()) {
      if (after !== undefined && byteOrder(held.key, after) <= 0) continue;
      if (last !== undefined && byteOrder(held.key, last) > 0) continue;
      later.push(held);
      if (later.length < 4 * (limit + 1)) continue;
      later = first(later);
      last = later.at(-1)?.key;
    }
    later = first(later);
    const keys = later.slice(0, limit);
    return { keys, next: later.length > limit ? keys.at(-1)?.key : undefined };
  }

  /** Keys that have not ended; see core's `PartitionStore`. */
  read({ after, limit }: KeysRequest, now: Instant): CarriedKeys {
    const { keys, next } = this.page(after, limit);
    let ids = 0;
    let end = 0;
    while (end < keys.length && ids < KEYS_PAGE_IDS) ids += keys[end++]?.ids.length ?? 0;
    return {
      keys: keys.slice(0, end).filter(({ endsAt }) => endsAt > now),
      next: end < keys.length ? keys[end - 1]?.key : next,
    };
  }

  /** Stores keys that are not held. @returns how many they are. */
  store(keys: readonly HeldKey[], now: Instant): number {
    const fresh = keys.filter(({ key, endsAt }) => endsAt > now && this.idsOf(key, now) === undefined);
    for (const { key, ids, endsAt } of fresh) this.add(key, ids, endsAt);
    return fresh.length;
  }

  /** Removes at most `limit` ended keys, the oldest first. */
  sweep(limit: number, now: Instant): KeySweepResult {
    let removed = 0;
    for (;;) {
      const first = this.#byEnd.peek();
      if (first === undefined) return { removed, nextEndMs: undefined };
      const isHeld = this.#held.get(first.key) === first;
      if (isHeld && first.endsAt > now) {
        return { removed, nextEndMs: millisecondsBetween(now, first.endsAt) };
      }
      if (removed >= limit) return { removed, nextEndMs: 0 };
      this.#byEnd.pop();
      if (!isHeld) continue;
      this.#held.delete(first.key);
      removed++;
    }
  }
}

/** A text may be a part of a request body, and would keep all of it in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
