import type { Instant, ItemId } from '@querator/core';
import type { ModelItem } from './partition-model.ts';

/** A dedup key of the model. */
interface ModelKey {
  readonly key: string;
  /** The items that were stored under it. They keep their first ids here. */
  readonly items: readonly ModelItem[];
  /** Undefined until the driver returned them. */
  ids: readonly ItemId[] | undefined;
  readonly endsAt: Instant;
}

/** The documented rules of dedup keys in the simplest form: a list of keys, and loops over it. */
export class KeyModel {
  #keys: ModelKey[] = [];

  /** With ended keys that were not swept. */
  get size(): number {
    return this.#keys.length;
  }

  /** The key, if its window has not ended. */
  held(key: string, now: Instant): ModelKey | undefined {
    return this.#keys.find((each) => each.key === key && each.endsAt > now);
  }

  store(key: string, items: readonly ModelItem[], endsAt: Instant): ModelKey {
    const stored: ModelKey = { key, items, ids: undefined, endsAt };
    this.#keys = [...this.#keys.filter((each) => each.key !== key), stored];
    return stored;
  }

  /** Removes up to `limit` ended keys. @returns their number. */
  sweep(limit: number, now: Instant): number {
    const ended = this.#keys.filter(({ endsAt }) => endsAt <= now);
    const gone = ended.toSorted((a, b) => (a.endsAt < b.endsAt ? -1 : 1)).slice(0, limit);
    this.#keys = this.#keys.filter((each) => !gone.includes(each));
    return gone.length;
  }

  /** Whether an ended key is left. */
  hasEnded(now: Instant): boolean {
    return this.#keys.some(({ endsAt }) => endsAt <= now);
  }

  /** The end of the window that ends first. */
  nextEnd(): Instant | undefined {
    return this.#keys.map(({ endsAt }) => endsAt).sort((a, b) => (a < b ? -1 : 1))[0];
  }
}
