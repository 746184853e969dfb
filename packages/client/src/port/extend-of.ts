import { formatDuration, type Instant, type ItemId, type QueueError } from '@querator/core';
import { fromTimestamp } from '@querator/protocol';
import type { Client } from '../client.ts';
import { itemError } from './item-error.ts';
import type { QueuePort } from './queue-port.ts';

/** The request timeout of an extend call. A later attempt is worth more than a late answer. */
const EXTEND_TIMEOUT = '5s';

/** The call that renews leases, of a server that has it. */
export function extendOf(client: Client): NonNullable<QueuePort['extend']> {
  return async ({ queueName, partition, leaseTimeout, ids }) => {
    const { items } = await client.v2.queue.extend({
      ...{ queueName, partition, ids: [...ids], requestTimeout: EXTEND_TIMEOUT },
      leaseTimeout: formatDuration(leaseTimeout),
    });
    return new Map(
      items.map(({ id, leaseDeadline, ...outcome }): [ItemId, Instant | QueueError] => [
        id,
        itemError(outcome) ?? fromTimestamp(leaseDeadline ?? { seconds: 0, nanos: 0 }),
      ]),
    );
  };
}
