import type { NewItem } from '@querator/core';
import type { Service } from '@querator/engine';

/** A kind of call that is measured. */
export type StorageOperation = 'produce' | 'lease' | 'complete';

/** What is measured, by clients with one request at a time. */
export interface StorageWork {
  readonly operation: StorageOperation;
  /** Items of a request. */
  readonly batch: number;
  readonly clients: number;
  /** How long items are produced. They are leased and completed however long that takes. */
  readonly seconds: number;
  readonly payloadBytes: number;
}

/** Items that are produced at most: more would measure the size, and not the storage. */
const MOST_ITEMS = 200_000;

interface Held {
  readonly partition: number;
  readonly ids: readonly string[];
}

/**
 * Produces items for some seconds, leases all of them, and completes them, as far as the operation needs.
 *
 * @returns items per second of the operation.
 */
export async function measureStorage(
  service: Service,
  queueName: string,
  { operation, batch, clients, seconds, payloadBytes }: StorageWork,
): Promise<number> {
  const timed = async (run: (client: number) => Promise<void>): Promise<number> => {
    const startMs = performance.now();
    await Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
    return (performance.now() - startMs) / 1_000;
  };
  const payload = Buffer.alloc(payloadBytes, 97);
  const items: readonly NewItem[] = Array.from({ length: batch }, () => ({
    ...{ encoding: '', kind: '', reference: '', payload },
  }));
  let produced = 0;
  const endsMs = performance.now() + seconds * 1_000;
  const produce = await timed(async () => {
    while (performance.now() < endsMs && produced < MOST_ITEMS) {
      produced += batch;
      await service.queue.produce({ queueName, requestTimeout: '1m', items });
    }
  });
  if (operation === 'produce') return produced / produce;
  const held: Held[] = [];
  let unasked = produced;
  const lease = await timed(async (client) => {
    while (unasked >= batch) {
      unasked -= batch;
      const request = { queueName, batchSize: batch, clientId: `c${client}`, requestTimeout: '10s' };
      const leased = await service.queue.lease(request);
      unasked += batch - leased.items.length;
      held.push({ partition: leased.partition, ids: leased.items.map(({ id }) => id) });
    }
  });
  if (operation === 'lease') return produced / lease;
  const complete = await timed(async () => {
    for (let next = held.pop(); next !== undefined; next = held.pop()) {
      await service.queue.complete({ queueName, requestTimeout: '1m', ...next });
    }
  });
  return produced / complete;
}
