import {
  LONGEST_DEDUP_WINDOW,
  MESSAGES,
  newItemBytes,
  type QueueError,
  type ScheduledItem,
  unavailable,
} from '@querator/core';
import type { FireItem } from '../schedules/schedule-firing.ts';
import type { LeasedItemsDeps } from './leased-items-requests.ts';
import { bringMetadata } from './metadata-check.ts';

/** A firing that is about to store its item. */
export interface FiringToAdmit {
  readonly namespace: string;
  readonly item: ScheduledItem;
}

/**
 * Judges a firing by the limits of its namespace, as a produce.
 *
 * @returns ends the firing, with the error that it failed with; undefined if nothing has to be ended.
 * @throws QueueError if it is refused. Then nothing was stored.
 */
export type AdmitFiring = (
  firing: FiringToAdmit,
) => ((error?: unknown) => void) | undefined | Promise<((error?: unknown) => void) | undefined>;

/** Stores the items of schedules in their queues, as a producer does. */
export function makeFireItem(
  { lookup, metadata }: Pick<LeasedItemsDeps, 'lookup' | 'metadata'>,
  admit: AdmitFiring = () => undefined,
): FireItem {
  return async ({ schedule, dedupKey, timeoutMs }) => {
    const { namespace, queueName, queueCreatedAt } = schedule;
    const items = [schedule.item];
    const { queue, leftMs } = await lookup.find(
      queueName,
      {
        check: () => timeoutMs,
        bytes: newItemBytes(schedule.item),
        timedOut: MESSAGES.produceTimedOut,
        persists: true,
      },
      {},
    );
    // Either this process does not know yet that the queue was made anew, or the schedule is that of an earlier queue.
    if (queue.queue.createdAt !== queueCreatedAt) throw queueChanges();
    if (bringMetadata(items)) await metadata.forWrite(queue);
    const end = await admit({ namespace, item: schedule.item });
    try {
      await queue.produceKeyed(
        { items, keys: dedupKey, window: LONGEST_DEDUP_WINDOW },
        { timeoutMs: leftMs, signal: undefined },
      );
      end?.();
    } catch (error) {
      end?.(error);
      throw error;
    }
  };
}

function queueChanges(): QueueError {
  return unavailable('retry', 'queue was created anew; its schedules are found again soon');
}
