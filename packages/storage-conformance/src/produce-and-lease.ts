import type {
  Duration,
  LeaseBatch,
  PartitionStore,
  ProduceAndLeaseResult,
  ProduceRequest,
} from '@querator/core';

/** Calls `produceAndLease`, or for a driver without it a produce and a lease, as the engine does. */
export async function produceAndLease(
  store: PartitionStore,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
  lease: LeaseBatch,
): Promise<ProduceAndLeaseResult> {
  if (store.produceAndLease !== undefined) return store.produceAndLease(requests, expireTimeout, lease);
  const isFree = (await store.stats()).waiting === 0;
  const outcomes = await store.produce(requests, expireTimeout);
  const leased = isFree ? await store.lease(lease) : [];
  let left = leased.length;
  return {
    leased,
    outcomes: outcomes.map((outcome) => {
      if (!outcome.ok) return outcome;
      const taken = Math.min(left, outcome.value.waiting);
      left -= taken;
      return { ok: true, value: { ...outcome.value, waiting: outcome.value.waiting - taken } };
    }),
  };
}
