import type { RetriedItem } from '@querator/core';
import type { QueueRetryItem } from '../gen/querator/queue.ts';
import type { QueueRetryItem as QueueRetryItemV2 } from '../gen/querator/v2/retry.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';

/** An item that a consumer gives back. */
export function toRetriedItem(item: QueueRetryItem): RetriedItem {
  return { id: item.id, retryAt: fromOptionalTimestamp(item.retryAt), dead: item.dead };
}

/** The same for an item of a request under `/v2/`. */
export function toRetriedItemV2(item: QueueRetryItemV2): RetriedItem {
  const plain = toRetriedItem(item);
  return item.error === '' ? plain : { ...plain, error: item.error };
}

/** The wire form of an item that a client gives back. */
export function fromRetriedItem(item: RetriedItem): QueueRetryItem {
  return {
    id: item.id,
    retryAt: item.retryAt === undefined ? undefined : toTimestamp(item.retryAt),
    dead: item.dead,
  };
}

/** The same for a request under `/v2/`. */
export function fromRetriedItemV2(item: RetriedItem): QueueRetryItemV2 {
  return { ...fromRetriedItem(item), error: item.error ?? '' };
}
