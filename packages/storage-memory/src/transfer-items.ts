import {
  expireDeadlineFrom,
  type Instant,
  PAYLOAD_BUDGET,
  type TransferRequest,
  type TransferResult,
} from '@querator/core';
import type { Entry } from './entry.ts';
import type { ItemIds } from './item-ids.ts';
import type { ItemTable } from './item-table.ts';
import { keptUnderNewId } from './kept-details.ts';
import { packedBytes } from './packed-content.ts';

/** What a transfer needs to know of the partition that takes the items. */
export class TransferTarget {
  /** Those of its backend, which tell backends apart. */
  readonly ids: ItemIds;
  readonly table: () => ItemTable;

  constructor(ids: ItemIds, table: () => ItemTable) {
    this.ids = ids;
    this.table = table;
  }
}

/** Moves entries to the tail of another table. */
export function transferItems(
  source: ItemTable,
  { ids, table }: TransferTarget,
  { ids: asked, state, expireTimeout }: Omit<TransferRequest, 'target'>,
  now: Instant,
): TransferResult {
  const target = table();
  const entries = asked
    .map((id) => source.get(id))
    .filter((entry) => entry !== undefined)
    .filter((entry) => entry.state === state && entry.taken === undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  let bytes = 0;
  let taken = 0;
  for (const entry of entries) {
    if (bytes >= PAYLOAD_BUDGET) break;
    bytes += packedBytes(entry.content);
    taken++;
  }
  const transferred = entries.slice(0, taken);
  const result = {
    transferred: transferred.map(({ id }) => id),
    left: entries.slice(taken).map(({ id }) => id),
  };
  for (const entry of transferred) {
    const enqueueAt = state === 'scheduled' ? entry.due : undefined;
    const expireDeadline = expireDeadlineFrom(laterOf(enqueueAt, now), expireTimeout);
    const moved: Entry = {
      id: ids.next(),
      sourceId: undefined,
      createdAt: now,
      expireDeadline,
      maxAttempts: entry.maxAttempts,
      attempts: 0,
      state,
      due: enqueueAt ?? expireDeadline,
      deadline: undefined,
      content: entry.content,
      kept: keptUnderNewId(entry),
    };
    source.remove(entry);
    target.append(moved);
  }
  return result;
}

function laterOf(at: Instant | undefined, now: Instant): Instant {
  return at !== undefined && at > now ? at : now;
}
