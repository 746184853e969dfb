import {
  contentBytes,
  type ItemListRequest,
  isBudgetSpent,
  PAYLOAD_BUDGET,
  type Queue,
  type StoredItem,
} from '@querator/core';

/**
 * A page of a list. It ends at its limit, or once its elements hold
 * `PAYLOAD_BUDGET` bytes. It has at least two elements, if there are two. The
 * last element is the pivot of the next page, which repeats it.
 */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether more elements followed when the page was read. */
  readonly more: boolean;
}

/** Queues read at a time. A queue with 1,024 partitions takes about 100 kB of memory. */
const QUEUES_AT_ONCE = 250;
/** Bytes that a queue takes in a reply and in memory, besides its texts. */
const QUEUE_BYTES = 200;
const PLACEMENT_BYTES = 64;
const MOST_BYTES_PER_UNIT = 3;

/**
 * Reads a page of items.
 *
 * @param list reads from one partition.
 */
export async function itemsPage(
  list: (request: ItemListRequest) => Promise<readonly StoredItem[]>,
  { state, pivot, limit }: Pick<ItemListRequest, 'state' | 'pivot' | 'limit'>,
): Promise<Page<StoredItem>> {
  // Reads one item more than asked for, to find out whether more follow.
  const found = await list({ state, pivot, limit: limit + 1, maxBytes: PAYLOAD_BUDGET });
  if (found.length > limit) return { items: found.slice(0, limit), more: true };
  const last = found.at(-1)?.id;
  if (last === undefined || !isBudgetSpent(found)) return { items: found, more: false };
  const following = await list({ state, pivot: last, limit: 2, maxBytes: 1 });
  return { items: found, more: following.some(({ id }) => id > last) };
}

/** The first of these items, as many as fit a page. */
export function firstPage(items: readonly StoredItem[], limit: number): Page<StoredItem> {
  let bytes = 0;
  const end = items.findIndex((item, index) => {
    if (index === limit || (index >= 2 && bytes >= PAYLOAD_BUDGET)) return true;
    bytes += contentBytes(item);
    return false;
  });
  return end < 0 ? { items, more: false } : { items: items.slice(0, end), more: true };
}

/**
 * Reads a page of queues in parts, so that queues beyond the page take no memory.
 *
 * @param list reads up to `limit` queues from `pivot` on, which is inclusive.
 */
export async function queuesPage(
  list: (request: { readonly pivot: string; readonly limit: number }) => Promise<readonly Queue[]>,
  { pivot, limit }: { readonly pivot: string; readonly limit: number },
): Promise<Page<Queue>> {
  const items: Queue[] = [];
  let bytes = 0;
  for (let from = pivot; ; from = items.at(-1)?.name ?? '') {
    const known = items.length === 0 ? 0 : 1;
    const asked = Math.min(QUEUES_AT_ONCE, known + limit - items.length + 1);
    const found = await list({ pivot: from, limit: asked });
    for (const queue of found) {
      if (known === 1 && queue.name === from) continue;
      if (items.length === limit || (items.length >= 2 && bytes >= PAYLOAD_BUDGET))
        return { items, more: true };
      items.push(queue);
      bytes += queueBytes(queue);
    }
    if (found.length < asked) return { items, more: false };
  }
}

function queueBytes({ name, namespace, deadQueue, reference, partitions }: Queue): number {
  const units = name.length + namespace.length + deadQueue.length + reference.length;
  return QUEUE_BYTES + MOST_BYTES_PER_UNIT * units + PLACEMENT_BYTES * partitions.length;
}
