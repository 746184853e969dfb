import {
  expireDeadlineFrom,
  type Instant,
  instantFromMicroseconds,
  PAYLOAD_BUDGET,
  type TransferRequest,
  type TransferResult,
} from '@querator/core';
import type { OwnedKey } from '../file/partitions.ts';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { OtherOwnerError, UnmadePartitionError } from '../messages/failed-call.ts';
import { bytesOf } from './content-bytes.ts';
import { addingTableOf, type InPartition, tableOf } from './in-partition.ts';
import { type ItemRow, ROW_COLUMNS, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { keptUnderNewId, readKept } from './kept.ts';

interface TransferArgs extends InPartition {
  readonly target: OwnedKey;
  readonly request: Omit<TransferRequest, 'target'>;
}

/** Takes items out of a partition and adds them at the tail of another one of this file. */
export function transfer(
  transaction: Transaction,
  { target: key, request, ...args }: TransferArgs,
): TransferResult | 'unmade target' {
  const source = tableOf(transaction, args);
  const target = targetOf(transaction, key);
  if (target === undefined) return 'unmade target';
  const { now } = transaction;
  const items = source.findAll(request.ids).filter(({ state }) => state === STATE[request.state]);
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    if (bytes >= PAYLOAD_BUDGET) break;
    const row = source.connection.get<ItemRow>(
      `select ${ROW_COLUMNS} from items where seq = ?`,
      item.seq,
    ) as ItemRow;
    const enqueueAt = request.state === 'scheduled' ? instantFromMicroseconds(item.due) : undefined;
    const expireDeadline = expireDeadlineFrom(laterOf(enqueueAt, now), request.expireTimeout);
    const { encoding, kind, reference, payload } = row;
    source.remove(item);
    target.append({
      ...{ encoding, kind, reference, payload, expireDeadline },
      state: item.state,
      due: enqueueAt ?? expireDeadline,
      createdAt: now,
      attempts: 0,
      maxAttempts: Number(item.max_attempts),
      kept: keptUnderNewId(idOf(item), readKept(item.kept)),
    });
    bytes += bytesOf(row);
    count++;
  }
  return { transferred: items.slice(0, count).map(idOf), left: items.slice(count).map(idOf) };
}

function laterOf(at: Instant | undefined, now: Instant): Instant {
  return at !== undefined && at > now ? at : now;
}

/** Undefined: its owner has to be asked whether it may be made. */
function targetOf(transaction: Transaction, key: OwnedKey): ItemTable | undefined {
  try {
    return addingTableOf(transaction, { key });
  } catch (error) {
    if (error instanceof UnmadePartitionError || error instanceof OtherOwnerError) return undefined;
    throw error;
  }
}
