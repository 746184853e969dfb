import type { ActivePartition } from './active-partition.ts';

/** The requests of a logical queue that are not answered yet. */
export interface RequestsWaiting {
  readonly produceWaiting: number;
  readonly leaseWaiting: number;
  readonly completeWaiting: number;
  readonly retryWaiting: number;
  readonly extendWaiting: number;
}

/** Counts the requests of a queue. @param loops those of the whole queue. */
export function requestsWaiting(
  loops: { readonly produces: { readonly size: number }; readonly leases: { readonly size: number } },
  partitions: readonly ActivePartition[],
): RequestsWaiting {
  const sum = (size: (partition: ActivePartition) => number) =>
    partitions.reduce((total, partition) => total + size(partition), 0);
  return {
    produceWaiting: loops.produces.size + sum(({ keys }) => keys.size),
    leaseWaiting: loops.leases.size,
    completeWaiting: sum(({ completes }) => completes.size),
    retryWaiting: sum(({ retries }) => retries.size),
    extendWaiting: sum(({ extensions }) => extensions.size),
  };
}
