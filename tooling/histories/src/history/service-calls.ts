import {
  addDuration,
  type ItemDetails,
  instantFromMilliseconds,
  type LetterSource,
  microseconds,
  type NewItem,
} from '@querator/core';
import type { Service } from '@querator/engine';
import { type Details, NAME_KEY, type Source } from './history.ts';
import type { CallTimes } from './http-calls.ts';
import { orFail } from './outcome-of.ts';
import type { QueueCalls } from './queue-calls.ts';

/** How a service in this process is called. */
export interface ServiceCallsHow {
  /** Whether leases tell more than the content of items. */
  readonly details: boolean;
  /** How far the clock of the service is ahead, in milliseconds. */
  readonly aheadMs: () => number;
}

/** The calls on a service in this process. */
export function serviceCalls(
  { queue, keyedProduces, leasedItems }: Service,
  queueName: string,
  { leaseMs, otherMs }: CallTimes,
  { details, aheadMs }: ServiceCallsHow,
): QueueCalls {
  const requestTimeout = `${otherMs}ms`;
  return {
    produce: async (names, { at, key, named }) => {
      const enqueueAt = at === undefined ? undefined : instantAt(at);
      const items = names.map((name) => itemOf(name, enqueueAt));
      const call = { queueName, requestTimeout, items };
      if (key === undefined) {
        await orFail(queue.produce(call));
        return undefined;
      }
      const withNames = items.map((item, n) => ({
        ...item,
        metadata: new Map([[NAME_KEY, names[n] ?? '']]),
      }));
      const keyed = {
        ...call,
        items: named ? withNames : items,
        dedupKey: key,
        itemKeys: [],
        dedupWindow: '',
      };
      const produced = await orFail(keyedProduces.produce(keyed));
      return {
        ids: produced.map((item) => ('error' in item ? '' : item.id)),
        duplicate: produced.some((item) => !('error' in item) && item.duplicate),
      };
    },
    lease: async (clientId, batchSize) => {
      const call = { queueName, clientId, batchSize, requestTimeout: `${leaseMs}ms`, details };
      const { partition, items } = await orFail(queue.lease(call));
      const given = items.map(({ id, attempts, payload, leaseDeadline, details: told }) => ({
        ...{ item: Buffer.from(payload).toString(), id, attempts },
        deadlineAt: Number(leaseDeadline) / 1_000 - aheadMs(),
        details: told && detailsOf(told),
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
        outcome.ok ? [{ id: ids[n] as string, deadlineAt: Number(outcome.value) / 1_000 - aheadMs() }] : [],
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

function detailsOf({ firstId, metadata, source }: ItemDetails): Details {
  return { firstId, name: metadata.get(NAME_KEY), source: source && storedSourceOf(source) };
}

/** Only what a history keeps. */
export function storedSourceOf({ queue, partition, id, attempts, death }: LetterSource): Source {
  return { queue, partition, id, attempts, reason: death?.reason ?? '' };
}

/** An item whose payload is its name. */
export function itemOf(name: string, enqueueAt: NewItem['enqueueAt']): NewItem {
  return { encoding: '', kind: '', reference: '', payload: Buffer.from(name), enqueueAt };
}

function instantAt(at: number) {
  return addDuration(
    instantFromMilliseconds(Math.floor(at)),
    microseconds(BigInt(Math.floor((at % 1) * 1_000))),
  );
}
