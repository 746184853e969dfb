import { call } from '../../api/call.ts';
import type { QueueList, QueueRow } from '../../api/queue-list.ts';
import type { WalkOptions } from '../../api/walk.ts';

/** How many queues one call lists. */
const PAGE_SIZE = 1_000;
const ALL = { namespace: '', filter: '', sort: 'name', descending: false };

/** Dead-letter queues by name, each with the queues that send to it. */
export type DeadLetterQueues = ReadonlyMap<string, readonly string[]>;

/** Reads all queues for the dead-letter queues that they name. */
export const deadLetterQueues: WalkOptions<DeadLetterQueues> = {
  start: '',
  empty: new Map(),
  step: async (cursor, found, signal) => {
    // Without a namespace: of all namespaces that the viewer may see.
    const request = { ...ALL, limit: PAGE_SIZE, cursor };
    const { items = [], cursor: next = '' } = await call<QueueList>('v2/queues.list', request, { signal });
    return { found: addSenders(found, items), read: items.length, cursor: next };
  },
};

function addSenders(found: DeadLetterQueues, queues: readonly QueueRow[]): DeadLetterQueues {
  const all = new Map(found);
  for (const { queue_name: name, dead_queue: deadQueue } of queues) {
    if (deadQueue) all.set(deadQueue, [...(all.get(deadQueue) ?? []), name]);
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}
