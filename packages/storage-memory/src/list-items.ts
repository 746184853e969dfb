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
    const bytesBefore = bytes;
    for (const entry of table.from(passed || pivot)) {
      if (entry.id === passed) continue;
      if (++looks > LOOKS_AT_ONCE || bytes - bytesBefore > PAYLOAD_BUDGET) return true;
      passed = entry.id;
      if (!isListed(entry, state)) continue;
      if (page.length >= 2 && bytes >= maxBytes) return false;
      page.push(details ? toDetailedItem(entry) : toStoredItem(entry));
      if (page.length === limit) return false;
      bytes += packedBytes(entry.content);
    }
    return false;
  };

  while (read()) await pause();
  return page;
}
