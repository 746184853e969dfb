import { call } from './call.ts';
import { CallError } from './call-error.ts';
import type { QueueMinute } from './queue-rates.ts';
import type { Pauses } from './queues.ts';
import type { Page, Span } from './types.ts';

/** A queue in the list of all, with what it held when it was counted last. */
export interface QueueRow {
  readonly queue_name: string;
  readonly namespace?: string;
  readonly waiting?: number;
  readonly leased?: number;
  readonly scheduled?: number;
  readonly head_age?: Span;
  /** Absent: it was not counted yet. */
  readonly count_age?: Span;
  /** What waits in its dead-letter queue. */
  readonly dead?: number;
  readonly dead_queue?: string;
  readonly pause?: Pauses;
  readonly partitions?: number;
  readonly storages?: readonly string[];
  /** The minutes of the last hour in which something happened. Absent also if there are no rates. */
  readonly minutes?: readonly QueueMinute[];
  /** Whether the counts of states with many items are estimates. */
  readonly estimated?: boolean;
}

/** Which queues to list, and in which order. */
export interface QueueListRequest {
  readonly namespace: string;
  readonly filter: string;
  readonly sort: string;
  readonly descending: boolean;
  readonly limit: number;
  readonly cursor: string;
}

/** A page of queues. */
export interface QueueList extends Page<QueueRow> {
  readonly total?: number;
}

/** Lists queues with what they hold, and with their rates where the storage keeps some. */
export async function listQueues(request: QueueListRequest, signal: AbortSignal): Promise<QueueList> {
  try {
    return await call<QueueList>('v2/queues.list', { ...request, with_rates: true }, { signal });
  } catch (error) {
    const hasNoRates =
      error instanceof CallError && error.status === 453 && error.message.includes('no rates');
    if (!hasNoRates) throw error;
    return call<QueueList>('v2/queues.list', request, { signal });
  }
}
