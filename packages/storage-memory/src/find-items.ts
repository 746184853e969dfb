import {
  type Clock,
  FIND_BOUNDS,
  type FindPage,
  type FindRequest,
  type FoundItem,
  type ItemFilter,
  type ItemId,
  type ItemState,
  matchesFilter,
  millisecondsBetween,
} from '@querator/core';
import { type Entry, isMoving, storedFields } from './entry.ts';
import type { ItemTable } from './item-table.ts';
import { detailsOf } from './kept-details.ts';
import { unpackContent } from './packed-content.ts';
import { BYTES_AT_ONCE, type Pause } from './turns.ts';

/** Entries that are compared with a filter between two pauses: 1 to 3 ms. */
const COMPARED_AT_ONCE = 2_000;

/** Finds items; see core's `PartitionStore`. Long searches take several turns of the event loop. */
export async function findItems(
  table: ItemTable,
  { filter, limit, after = '', bounds = FIND_BOUNDS, withPayload = false }: FindRequest,
  { clock, pause }: { readonly clock: Clock; readonly pause: Pause },
): Promise<FindPage> {
  const start = clock.now();
  const needle = filter.payload && latin1(filter.payload);
  const items: FoundItem[] = [];
  let scanned = 0;
  let bytes = 0;
  let last = after;

  /** Reads on in this turn. Returns whether to read on in the next one. */
  const read = (): boolean => {
    let looks = 0;
    const bytesBefore = bytes;
    for (const entry of candidates(table, filter, last)) {
      if (scanned === bounds.rows || bytes >= bounds.bytes || items.length === limit) return false;
      if (++looks > COMPARED_AT_ONCE || bytes - bytesBefore > BYTES_AT_ONCE) return true;
      last = entry.id;
      scanned++;
      const found = toFoundItem(entry);
      if (found === undefined) continue;
      const { payload } = entry.content;
      const isFound = matchesFilter(found, filter, () => {
        bytes += payload.length;
        return payload.includes(needle ?? '');
      });
      if (!isFound) continue;
      items.push(withPayload ? { ...found, payload: unpackContent(entry.content).payload } : found);
      bytes += found.reference.length + found.encoding.length + found.kind.length;
      if (withPayload && needle === undefined) bytes += payload.length;
    }
    last = '';
    return false;
  };

  while (read()) {
    if (millisecondsBetween(start, clock.now()) >= bounds.ms) break;
    await pause();
  }
  return last === '' ? { items, scanned, bytes } : { items, scanned, bytes, next: last };
}

/** The entries after an id that may meet the filter, in the order of their ids. */
function* candidates(table: ItemTable, filter: ItemFilter, after: ItemId): Generator<Entry> {
  const { ids, sourceId } = filter;
  if (ids === undefined && sourceId === undefined) {
    for (const entry of table.from(after)) if (entry.id > after) yield entry;
    return;
  }
  const entries =
    ids === undefined
      ? [table.bySource(sourceId ?? '')]
      : [...new Set(ids)].sort().map((id) => table.get(id));
  for (const entry of entries) if (entry !== undefined && entry.id > after) yield entry;
}

/** The entry without its payload. Undefined for a prepared letter. */
function toFoundItem(entry: Entry): FoundItem | undefined {
  const state = stateOf(entry);
  if (state === undefined) return undefined;
  const { id, sourceId, expireDeadline, enqueueAt, createdAt, attempts, maxAttempts, leaseDeadline } =
    storedFields(entry);
  const { reference, encoding, kind, payload } = entry.content;
  return {
    ...{ id, sourceId, state, expireDeadline, createdAt, attempts, maxAttempts },
    ...{ reference, encoding, kind, payloadSize: payload.length },
    enqueueAt: state === 'scheduled' ? enqueueAt : undefined,
    leaseDeadline: state === 'dead' ? undefined : leaseDeadline,
    details: detailsOf(entry),
    death: entry.kept?.death,
  };
}

function stateOf(entry: Entry): ItemState | undefined {
  if (isMoving(entry)) return 'dead';
  if (entry.taken !== undefined) return 'moving';
  const { state } = entry;
  return state === 'waiting' || state === 'leased' || state === 'scheduled' ? state : undefined;
}

/** As `packContent` stores a payload. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
