import type {
  Duration,
  ItemId,
  KeyedItemsResult,
  KeyedProduceRequest,
  KeyedProduceResult,
  NewItem,
} from '@querator/core';

/** A key of a batch, with the items that are stored if it is new. */
export interface BatchKey {
  readonly key: string;
  readonly items: readonly NewItem[];
  readonly window: Duration;
  /** The position of its first item in the statement, from 1. */
  readonly position: number;
}

/** What is known of a key after the statement. */
export interface KnownKey {
  readonly isNew: boolean;
  readonly ids: readonly ItemId[];
  /** How many of the stored items are scheduled. */
  readonly scheduled: number;
  /** How many of the stored items are leased: the first of them. */
  readonly leased: number;
}

/**
 * The requests of a statement, with each key once. Of groups with the same key, the
 * first one stores its items if the key is new.
 */
export class KeyedBatch {
  readonly #requests: readonly KeyedProduceRequest[];
  readonly #places = new Map<string, number>();
  /** The items of all keys, in the order of the requests. */
  readonly items: readonly NewItem[];
  /** In the same order in all processes, so that statements cannot deadlock. */
  readonly keys: readonly BatchKey[];

  constructor(requests: readonly KeyedProduceRequest[]) {
    this.#requests = requests;
    const keys = new Map<string, BatchKey>();
    const all: NewItem[] = [];
    for (const { groups, window } of requests) {
      for (const { key, items } of groups) {
        if (keys.has(key)) continue;
        keys.set(key, { key, items, window, position: all.length + 1 });
        all.push(...items);
      }
    }
    this.items = all;
    this.keys = [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const [place, { key }] of this.keys.entries()) this.#places.set(key, place);
  }

  /** For each item the place of its key in `keys`, from 1. */
  keyPlaces(): readonly number[] {
    const places = new Array<number>(this.items.length);
    for (const [place, { position, items }] of this.keys.entries()) {
      places.fill(place + 1, position - 1, position - 1 + items.length);
    }
    return places;
  }

  /** The leased items of new keys with their ids, in the order of these. */
  leased(known: readonly KnownKey[]): {
    readonly items: readonly NewItem[];
    readonly ids: readonly ItemId[];
  } {
    const items: NewItem[] = [];
    const ids: ItemId[] = [];
    const inOrder = this.keys
      .map((key, place) => ({ key, known: known[place] }))
      .sort((one, other) => one.key.position - other.key.position);
    for (const { key, known: found } of inOrder) {
      const count = found?.leased ?? 0;
      items.push(...key.items.slice(0, count));
      ids.push(...(found?.ids.slice(0, count) ?? []));
    }
    return { items, ids };
  }

  /** The results of the requests. @param known what is known of each of `keys`; undefined: nothing, and it was refused. */
  results(known: readonly (KnownKey | undefined)[]): readonly KeyedProduceResult[] {
    const told = new Set<string>();
    return this.#requests.map(({ groups }) => {
      const result = { waiting: 0, scheduled: 0 };
      const results = groups.map(({ key }): KeyedItemsResult => {
        const found = known[this.#places.get(key) as number];
        if (found === undefined) return { state: 'refused' };
        const { isNew, ids, scheduled, leased } = found;
        if (!isNew || told.has(key)) return { state: 'duplicate', ids };
        told.add(key);
        result.waiting += ids.length - scheduled - leased;
        result.scheduled += scheduled;
        return { state: 'stored', ids };
      });
      return { ...result, groups: results };
    });
  }
}
