import { call } from './call.ts';
import { describeQueue, type Pauses, type QueueInfo, type QueueRates, queueRates } from './queues.ts';
import type { Page, Span } from './types.ts';

/** A queue in the list of all, with what it held when it was counted last. */
export interface QueueRow {
  readonly queue: QueueInfo;
  readonly pause?: Pauses | undefined;
  readonly waiting?: number | undefined;
  readonly leased?: number | undefined;
  readonly scheduled?: number | undefined;
  readonly head_age?: Span | undefined;
  readonly count_age?: Span | undefined;
  /** Partitions that are out of service. */
  readonly failing?: number | undefined;
  /** What happened in the last hour. Undefined: it is not known. */
  readonly rates?: QueueRates | undefined;
}

/** Which queues to list. */
export interface QueueListRequest {
  readonly namespace: string;
  /** Begin with the first name that is not before this text. Empty: with the first. */
  readonly from: string;
  readonly limit: number;
}

/** Lists queues in byte order of their names, with what they hold. */
export async function listQueues(
  { namespace, from, limit }: QueueListRequest,
  signal: AbortSignal,
): Promise<Page<QueueRow>> {
  const request = { namespace, pivot: from, limit: limit + 1 };
  const { items = [] } = await call<Page<QueueInfo>>('v1/queues.list', request, { signal });
  const rows = await Promise.all(items.slice(0, limit).map((queue) => rowOf(queue, signal)));
  const next = items[limit]?.queue_name;
  return { items: rows, ...(next === undefined ? {} : { cursor: next }) };
}

/** A queue whose counts cannot be had is listed without them. */
async function rowOf(queue: QueueInfo, signal: AbortSignal): Promise<QueueRow> {
  const name = queue.queue_name;
  const [described, rates] = await Promise.allSettled([
    describeQueue(name, signal),
    queueRates(name, '1h', signal),
  ]);
  signal.throwIfAborted();
  const known = rates.status === 'fulfilled' ? { rates: rates.value } : {};
  if (described.status === 'rejected') return { queue, ...known };
  const { partitions = [], ...counts } = described.value;
  const failing = partitions.filter(({ health }) => health === 'failing').length;
  return { ...counts, queue, failing, ...known };
}
