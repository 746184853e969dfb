import type { Item, ItemsFilter } from '../../api/item.ts';
import { findItems } from '../../api/items.ts';
import type { WalkOptions } from '../../api/walk.ts';

/** An item of a page, under a key that no other item of the page has. */
export interface ItemRow extends Item {
  readonly key: string;
  /** Its id on an earlier page. It has come back to the queue since, and stands at its tail now. */
  readonly shownAs?: string | undefined;
}

/** The ids of the items that the pages of one search have shown, by what stays the same of an item. */
class ShownItems {
  #search = '';
  #ids = new Map<string, string>();

  /** Notes an item of a search. @returns the other id under which it was shown before. */
  note(search: string, key: string, id: string | undefined): string | undefined {
    if (search !== this.#search) {
      this.#search = search;
      this.#ids = new Map();
    }
    if (id === undefined) return undefined;
    const before = this.#ids.get(key);
    this.#ids.set(key, id);
    return before === id ? undefined : before;
  }
}

const shown = new ShownItems();

interface PageRequest {
  readonly queue: string;
  readonly filter: ItemsFilter;
  readonly start: string;
  readonly size: number;
}

/** Reads one page of a search, by as many calls as it takes. */
export function pageOfItems({ queue, filter, start, size }: PageRequest): WalkOptions<readonly ItemRow[]> {
  const search = JSON.stringify([queue, filter]);
  return {
    start,
    empty: [],
    isEnough: (rows) => rows.length >= size,
    step: async (cursor, rows, signal) => {
      // The last call asks for as many as the page still lacks: the next page begins where it ended.
      const limit = Math.max(1, size - rows.length);
      const reply = await findItems({ queue_name: queue, filter, limit, cursor }, signal);
      const { items = [], cursor: next = '', scanned = 0 } = reply;
      return { found: addRows(rows, items, search), cursor: next, read: scanned };
    },
  };
}

/** An item that came back to the tail while the page was read is shown once, as it is now. */
function addRows(rows: readonly ItemRow[], items: readonly Item[], search: string): readonly ItemRow[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  for (const item of items) {
    const key = keyOf(item, byKey.size);
    const shownAs = shown.note(search, key, item.id) ?? byKey.get(key)?.shownAs;
    byKey.delete(key);
    byKey.set(key, { ...item, key, shownAs });
  }
  return [...byKey.values()];
}

/** The id of an item changes when it comes back to the queue. These two stay. Imported copies share the first id. */
function keyOf({ id, first_id: first, created_at: created }: Item, at: number): string {
  return first === undefined ? (id ?? `hidden ${at}`) : `${first} ${created}`;
}
