import type { RetriedItem } from '@querator/core';
import type { QueueRetryItem } from '../gen/querator/queue.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';

/** An item that a consumer gives back. */
export function toRetriedItem(item: QueueRetryItem): RetriedItem {
  return { id: item.id, retryAt: fromOptionalTimestamp(item.retryAt), dead: item.dead };
}

/** The wire form of an item that a client gives back. */
export function fromRetriedItem(item: RetriedItem): QueueRetryItem {
  return {
    id: item.id,
    retryAt: item.retryAt === undefined ? undefined : toTimestamp(item.retryAt),
    dead: item.dead,
  };
}
