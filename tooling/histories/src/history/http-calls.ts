import { createClient } from '@querator/client';
import { NAME_KEY, type Source } from './history.ts';
import { orFail } from './outcome-of.ts';
import type { QueueCalls } from './queue-calls.ts';

/** Timeouts of calls, in milliseconds. */
export interface CallTimes {
  /** The request timeout that servers get. */
  readonly leaseMs: number;
  readonly otherMs: number;
  /** How much longer the caller waits. */
  readonly marginMs: number;
}

/**
 * The calls over HTTP, by the client package.
 *
 * @param detailed whether leases tell more than the content of items.
 */
export function httpCalls(
  endpoint: string,
  queueName: string,
  times: CallTimes,
  detailed = false,
): QueueCalls {
  const { queue, v2 } = createClient({ endpoint });
  const requestTimeout = `${times.otherMs}ms`;
  const patience = { timeoutMs: times.otherMs + times.marginMs };
  return {
    produce: async (names, { at, key, named }) => {
      const items = names.map((utf8) => ({ utf8, enqueueAt: at === undefined ? undefined : timestamp(at) }));
      if (key === undefined) {
        await orFail(queue.produce({ queueName, requestTimeout, items }, patience));
        return undefined;
      }
      const withNames = items.map((item) => ({ ...item, metadata: new Map([[NAME_KEY, item.utf8]]) }));
      const keyed = { queueName, requestTimeout, items: named ? withNames : items, dedupKey: key };
      const { items: produced } = await orFail(v2.queue.produce(keyed, patience));
      return {
        ids: produced.map(({ id }) => id),
        duplicate: produced.some(({ duplicate }) => duplicate),
      };
    },
    lease: async (clientId, batchSize) => {
      const request = { queueName, clientId, batchSize, requestTimeout: `${times.leaseMs}ms` };
      const leasePatience = { timeoutMs: times.leaseMs + times.marginMs };
      const deadlineOf = (at: Parameters<typeof millisecondsOf>[0] | undefined) =>
        at === undefined ? 0 : millisecondsOf(at);
      if (!detailed) {
        const { partition, items } = await orFail(queue.lease(request, leasePatience));
        const given = items.map(({ id, attempts, bytes, leaseDeadline }) => ({
          ...{ item: Buffer.from(bytes).toString(), id, attempts, deadlineAt: deadlineOf(leaseDeadline) },
        }));
        return { partition, given };
      }
      const { partition, items } = await orFail(v2.queue.lease(request, leasePatience));
      const given = items.map(({ id, attempts, bytes, leaseDeadline, firstId, metadata, source }) => ({
        ...{ item: Buffer.from(bytes).toString(), id, attempts, deadlineAt: deadlineOf(leaseDeadline) },
        details: { firstId, name: metadata.get(NAME_KEY), source: source && sourceOf(source) },
      }));
      return { partition, given };
    },
    complete: async (partition, ids) => {
      await orFail(queue.complete({ queueName, partition, requestTimeout, ids: [...ids] }, patience));
    },
    retry: async (partition, ids, { at, dead }) => {
      const retryAt = at === undefined ? undefined : timestamp(at);
      const items = ids.map((id) => ({ id, dead, retryAt }));
      await orFail(queue.retry({ queueName, partition, items }, patience));
    },
    extend: async (partition, ids, leaseTimeoutMs) => {
      const leaseTimeout = `${leaseTimeoutMs}ms`;
      const request = { queueName, partition, requestTimeout, ids: [...ids], leaseTimeout };
      const { items } = await orFail(v2.queue.extend(request, patience));
      return items.flatMap(({ id, leaseDeadline }) =>
        leaseDeadline === undefined ? [] : [{ id, deadlineAt: millisecondsOf(leaseDeadline) }],
      );
    },
    clear: async (leased) => {
      const request = { queueName, queue: true, scheduled: true, destructive: leased };
      await orFail(queue.clear(request, patience));
    },
    size: async () => {
      const { logicalQueues } = await orFail(queue.stats({ queueName }, patience));
      const partitions = logicalQueues.flatMap((logical) => logical.partitions);
      return partitions.reduce((sum, { total, scheduled }) => sum + total + scheduled, 0);
    },
  };
}

/** Only what a history keeps. */
export function sourceOf({ queue, partition, id, attempts, reason }: Source): Source {
  return { queue, partition, id, attempts, reason };
}

/** In milliseconds since 1970. */
export function millisecondsOf({
  seconds,
  nanos,
}: {
  readonly seconds: number;
  readonly nanos: number;
}): number {
  return seconds * 1e3 + nanos / 1e6;
}

function timestamp(at: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(at / 1_000);
  return { seconds, nanos: Math.floor((at - seconds * 1_000) * 1e6) };
}
