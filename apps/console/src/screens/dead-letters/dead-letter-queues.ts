import { call } from '../../api/call.ts';
import type { QueueInfo } from '../../api/queues.ts';
import type { Page } from '../../api/types.ts';
import type { WalkOptions } from '../../api/walk.ts';

/** How many queues one call lists. */
const PAGE_SIZE = 1_000;

/** Dead-letter queues by name, each with the queues that send to it. */
export type DeadLetterQueues = ReadonlyMap<string, readonly string[]>;

/** Reads all queues for the dead-letter queues that they name. */
export const deadLetterQueues: WalkOptions<DeadLetterQueues> = {
  start: '',
  empty: new Map(),
  step: async (from, found, signal) => {
    const request = { pivot: from, limit: PAGE_SIZE + 1 };
    const { items = [] } = await call<Page<QueueInfo>>('v1/queues.list', request, { signal });
    const rows = items.slice(0, PAGE_SIZE);
    return {
      found: addSenders(found, rows),
      read: rows.length,
      cursor: items[PAGE_SIZE]?.queue_name ?? '',
    };
  },
};

function addSenders(found: DeadLetterQueues, queues: readonly QueueInfo[]): DeadLetterQueues {
  const all = new Map(found);
  for (const { queue_name: name, dead_queue: deadQueue } of queues) {
    if (deadQueue) all.set(deadQueue, [...(all.get(deadQueue) ?? []), name]);
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}
