import { type ItemListRequest, PAYLOAD_BUDGET, type StoredItem } from '@querator/core';
import { toDetailedItem, toStoredItem } from './entry.ts';
import { isListed } from './entry-state.ts';
import type { ItemTable } from './item-table.ts';
import { packedBytes } from './packed-content.ts';
import { LOOKS_AT_ONCE, type Pause } from './turns.ts';

/**
 * Reads a page; see core's `PartitionStore`. It takes several turns of the event
 * loop if it passes many entries that it does not show, or if its items are large.
 */
export async function listItems(
  table: ItemTable,
  { state, pivot, limit, maxBytes = Number.POSITIVE_INFINITY, details = false }: ItemListRequest,
  pause: Pause,
): Promise<readonly StoredItem[]> {
  const page: StoredItem[] = [];
  let bytes = 0;
  let passed = '';

  /** Reads on in this turn. Returns whether there is more to read in the next one. */
  const read = (): boolean => {
    let looks = 0;
    let isMore = false;
    const bytesBefore = bytes;
    table.visitFrom(passed || pivot, (entry) => {
      if (entry.id === passed) return true;
      if (++looks > LOOKS_AT_ONCE || bytes - bytesBefore > PAYLOAD_BUDGET) {
        isMore = true;
        return false;
      }
      passed = entry.id;
      if (!isListed(entry, state)) return true;
      if (page.length >= 2 && bytes >= maxBytes) return false;
      page.push(details ? toDetailedItem(entry) : toStoredItem(entry));
      bytes += packedBytes(entry.content);
      return page.length < limit;
    });
    return isMore;
  };

  while (read()) await pause();
  return page;
}
