import { hrtime } from 'node:process';
import {
  FIND_BOUNDS,
  type FindPage,
  type FindRequest,
  type FoundItem,
  type ItemFilter,
  type ItemId,
  type ItemState,
  matchesFilter,
} from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, storedTableOf } from './in-partition.ts';
import { fieldsOf, HEAD_COLUMNS, type ItemHead, type ItemTexts, isMoving, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { detailsOf, readKept } from './kept.ts';
import { seqsFrom } from './read-items.ts';

/** A row without its payload. */
type FoundRow = ItemHead & ItemTexts & { readonly payload_size: bigint };

const FIND = `select ${HEAD_COLUMNS}, encoding, kind, reference, octet_length(payload) as payload_size
  from items where seq = ? and partition = ?`;
const PAYLOAD = 'select payload from items where seq = ?';

/** Items that are compared with a filter between two looks at the clock. */
const ROWS_PER_LOOK = 500;

/** The states of items that searches find. */
const FOUND_STATES: ReadonlyMap<bigint, ItemState> = new Map<bigint, ItemState>([
  [STATE.waiting, 'waiting'],
  [STATE.leased, 'leased'],
  [STATE.scheduled, 'scheduled'],
  [STATE.moving, 'dead'],
  [STATE.moved, 'dead'],
  [STATE.taken, 'moving'],
]);

export function find(
  transaction: Transaction,
  { request, ...args }: InPartition & { readonly request: Omit<FindRequest, 'signal'> },
): FindPage {
  const { filter, limit, after = '', bounds = FIND_BOUNDS, withPayload = false } = request;
  const items: FoundItem[] = [];
  const read = { scanned: 0, bytes: 0 };
  const table = storedTableOf(transaction, args);
  if (table === undefined) return { items, ...read };
  const start = hrtime.bigint();
  const isLate = () => Number(hrtime.bigint() - start) >= bounds.ms * 1_000_000;
  let last = after;
  for (const seq of candidates(table, filter, after)) {
    const isFull = read.scanned === bounds.rows || read.bytes >= bounds.bytes || items.length === limit;
    const isTimeToLook = read.scanned > 0 && read.scanned % ROWS_PER_LOOK === 0;
    if (isFull || (isTimeToLook && isLate())) return { items, ...read, next: last };
    const row = table.connection.get<FoundRow>(FIND, seq, table.partition);
    if (row === undefined || idOf(row) <= after || !isNamed(row, filter)) continue;
    last = idOf(row);
    read.scanned++;
    const found = foundItemOf(row);
    if (found === undefined) continue;
    let payload: Uint8Array | undefined;
    const readPayload = () => {
      payload ??= table.connection.get<{ payload: Uint8Array }>(PAYLOAD, seq)?.payload ?? new Uint8Array();
      return payload;
    };
    const isFound = matchesFilter(found, filter, (part) => {
      read.bytes += readPayload().byteLength;
      return Buffer.from(readPayload()).includes(Buffer.from(part));
    });
    if (!isFound) continue;
    read.bytes += textBytes(row) + (withPayload && payload === undefined ? found.payloadSize : 0);
    items.push(withPayload ? { ...found, payload: readPayload() } : found);
  }
  return { items, ...read };
}

/** The keys of the rows after an id that may meet the filter, in order. */
function candidates(table: ItemTable, { ids, sourceId, state }: ItemFilter, after: ItemId): Iterable<bigint> {
  if (ids !== undefined) {
    const seqs = ids.map((id) => table.seqOf(id)).filter((seq) => seq !== undefined);
    return [...new Set(seqs)].sort((a, b) => (a < b ? -1 : 1));
  }
  if (sourceId !== undefined) {
    const item = table.findBySource(sourceId);
    return item === undefined ? [] : [item.seq];
  }
  const from = table.seqFrom(after);
  if (from === undefined) return [];
  const states = [...FOUND_STATES].filter(([, each]) => state === undefined || each === state);
  return seqsFrom(
    table,
    states.map(([each]) => each),
    from,
  );
}

/** The number of an id is that of one item at most, which may have another random part. */
function isNamed(row: ItemHead, { ids }: ItemFilter): boolean {
  return ids === undefined || ids.includes(idOf(row));
}

function textBytes({ encoding, kind, reference }: ItemTexts): number {
  return Buffer.byteLength(encoding) + Buffer.byteLength(kind) + Buffer.byteLength(reference);
}

/** The item in a row. Undefined for a prepared letter. */
function foundItemOf(row: FoundRow): FoundItem | undefined {
  const state = FOUND_STATES.get(row.state);
  if (state === undefined) return undefined;
  const { isLeased, enqueueAt, leaseDeadline, ...fields } = fieldsOf(row);
  const kept = readKept(row.kept);
  const { encoding, kind, reference } = row;
  return {
    ...fields,
    ...{ state, encoding, kind, reference },
    payloadSize: Number(row.payload_size),
    enqueueAt: state === 'scheduled' ? enqueueAt : undefined,
    leaseDeadline: isMoving(row.state) ? undefined : leaseDeadline,
    details: detailsOf(fields.id, kept),
    death: kept.death,
  };
}
