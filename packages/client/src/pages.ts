import type { QueueInfo, StorageItem } from '@querator/protocol';
import type { CallOptions } from './call.ts';
import type { Client } from './client.ts';

/** Which items to list. */
export interface ItemsToList {
  readonly queueName: string;
  readonly partition: number;
  /** Items per page, at least 2; 1,000 by default. Large items end a page early. */
  readonly pageSize?: number | undefined;
}

/** Which queues to list. */
export interface QueuesToList {
  /** Undefined: the system namespace. */
  readonly namespace?: string | undefined;
  /** The list starts at this name, or at the next greater one. Undefined: at the first queue. */
  readonly from?: string | undefined;
  /** Queues per page, at least 2; 1,000 by default. */
  readonly pageSize?: number | undefined;
}

/** A page of one element would contain only its pivot. */
const SMALLEST_PAGE = 2;
const DEFAULT_PAGE = 1_000;

/** All waiting and leased items of a partition, in order of their ids, page after page. */
export function listItems(
  client: Client,
  { queueName, partition, pageSize }: ItemsToList,
  options?: CallOptions,
): AsyncGenerator<StorageItem> {
  const read = async (pivot: string, limit: number) =>
    (await client.storage.itemsList({ queueName, partition, pivot, limit }, options)).items;
  return pages(read, ({ id }) => id, '', pageSize);
}

/** All scheduled items of a partition, in order of their ids, page after page. */
export function listScheduled(
  client: Client,
  { queueName, partition, pageSize }: ItemsToList,
  options?: CallOptions,
): AsyncGenerator<StorageItem> {
  const read = async (pivot: string, limit: number) =>
    (await client.storage.scheduledList({ queueName, partition, pivot, limit }, options)).items;
  return pages(read, ({ id }) => id, '', pageSize);
}

/** All queues of a namespace, in order of their names, page after page. */
export function listQueues(
  client: Client,
  { namespace, from = '', pageSize }: QueuesToList = {},
  options?: CallOptions,
): AsyncGenerator<QueueInfo> {
  const read = async (pivot: string, limit: number) =>
    (await client.queues.list({ namespace: namespace ?? '', pivot, limit }, options)).items;
  return pages(read, ({ queueName }) => queueName, from, pageSize);
}

/**
 * Reads pages until one brings nothing new. A short page does not mean the end:
 * the server ends a page early if its elements are large.
 */
async function* pages<T>(
  read: (pivot: string, limit: number) => Promise<readonly T[]>,
  keyOf: (element: T) => string,
  from: string,
  pageSize = DEFAULT_PAGE,
): AsyncGenerator<T> {
  if (!Number.isInteger(pageSize) || pageSize < SMALLEST_PAGE) {
    throw new RangeError(`pageSize is invalid; must be a whole number from ${SMALLEST_PAGE} up`);
  }
  let last: string | undefined;
  for (;;) {
    const page = await read(last ?? from, pageSize);
    const fresh = page.filter((element) => keyOf(element) !== last);
    if (fresh.length === 0) return;
    yield* fresh;
    last = keyOf(fresh.at(-1) as T);
  }
}
