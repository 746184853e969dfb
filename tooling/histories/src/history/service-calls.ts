import { addDuration, instantFromMilliseconds, microseconds, type NewItem } from '@querator/core';
import type { Service } from '@querator/engine';
import type { CallTimes } from './http-calls.ts';
import { outcomeOf } from './outcome-of.ts';
import type { QueueCalls } from './queue-calls.ts';

/** The calls on a service in this process. */
export function serviceCalls(
  { queue, keyedProduces, leasedItems }: Service,
  queueName: string,
  { leaseMs, otherMs }: CallTimes,
): QueueCalls {
  const requestTimeout = `${otherMs}ms`;
  return {
    produce: async (names, { at, key }) => {
      const enqueueAt = at === undefined ? undefined : instantAt(at);
      const items = names.map((name) => itemOf(name, enqueueAt));
      const call = { queueName, requestTimeout, items };
      if (key === undefined) {
        await orFail(queue.produce(call));
        return undefined;
      }
      const keyed = { ...call, dedupKey: key, itemKeys: [], dedupWindow: '' };
      const produced = await orFail(keyedProduces.produce(keyed));
      return {
        ids: produced.map((item) => ('error' in item ? '' : item.id)),
        duplicate: produced.some((item) => !('error' in item) && item.duplicate),
      };
    },
    lease: async (clientId, batchSize) => {
      const call = { queueName, clientId, batchSize, requestTimeout: `${leaseMs}ms` };
      const { partition, items } = await orFail(queue.lease(call));
      const given = items.map(({ id, attempts, payload, leaseDeadline }) => ({
        item: Buffer.from(payload).toString(),
        id,
        attempts,
        deadlineAt: Number(leaseDeadline) / 1_000,
      }));
      return { partition, given };
    },
    complete: (partition, ids) => orFail(queue.complete({ queueName, partition, requestTimeout, ids })),
    retry: (partition, ids, { at, dead }) => {
      const retryAt = at === undefined ? undefined : instantAt(at);
      return orFail(queue.retry({ queueName, partition, items: ids.map((id) => ({ id, dead, retryAt })) }));
    },
    extend: async (partition, ids, leaseTimeoutMs) => {
      const call = { queueName, partition, requestTimeout, ids, leaseTimeout: `${leaseTimeoutMs}ms` };
      const outcomes = await orFail(leasedItems.extend(call));
      return outcomes.flatMap((outcome, n) =>
        outcome.ok ? [{ id: ids[n] as string, deadlineAt: Number(outcome.value) / 1_000 }] : [],
      );
    },
    clear: async (destructive) => {
      await orFail(queue.clear({ queueName, queue: true, scheduled: true, destructive }));
    },
    size: async () => {
      const { partitions } = await orFail(queue.stats(queueName));
      let sum = 0;
      for (const { waiting, leased, scheduled } of partitions) sum += waiting + leased + scheduled;
      return sum;
    },
  };
}

function itemOf(name: string, enqueueAt: NewItem['enqueueAt']): NewItem {
  return { encoding: '', kind: '', reference: '', payload: Buffer.from(name), enqueueAt };
}

function instantAt(at: number) {
  return addDuration(
    instantFromMilliseconds(Math.floor(at)),
    microseconds(BigInt(Math.floor((at % 1) * 1_000))),
  );
}

async function orFail<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw outcomeOf(error);
  }
}
