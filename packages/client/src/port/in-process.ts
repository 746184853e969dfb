import {
  formatDuration,
  type Instant,
  type ItemId,
  type LeasedItem,
  MESSAGES,
  type NewItem,
  type Outcome,
  QueueError,
  type RetriedItem,
  StorageError,
  storageFailed,
} from '@querator/core';
import type { PortProduce, ProducedItem, ProducePort } from './produce-port.ts';
import type { QueuePort, Refusals } from './queue-port.ts';
import { refusesKeys } from './refuses-keys.ts';

/**
 * The calls of an engine that workers and producers use. The service of
 * `@querator/engine` has them; this package does not depend on it.
 */
export interface EngineCalls {
  readonly queue: {
    produceWithIds(call: {
      readonly queueName: string;
      readonly requestTimeout: string;
      readonly items: readonly NewItem[];
    }): Promise<{ readonly partition: number; readonly ids: readonly ItemId[] }>;
    lease(
      call: {
        readonly queueName: string;
        readonly clientId: string;
        readonly batchSize: number;
        readonly requestTimeout: string;
      },
      options: { readonly signal: AbortSignal },
    ): Promise<{ readonly partition: number; readonly items: readonly LeasedItem[] }>;
    complete(call: {
      readonly queueName: string;
      readonly partition: number;
      readonly requestTimeout: string;
      readonly ids: readonly ItemId[];
    }): Promise<void>;
    retry(call: {
      readonly queueName: string;
      readonly partition: number;
      readonly items: readonly RetriedItem[];
    }): Promise<void>;
  };
  readonly keyedProduces: {
    produce(call: {
      readonly queueName: string;
      readonly requestTimeout: string;
      readonly items: readonly NewItem[];
      readonly dedupKey: string;
      readonly itemKeys: readonly string[];
      readonly dedupWindow: string;
    }): Promise<readonly ProducedItem[]>;
  };
  readonly leasedItems: {
    extend(call: {
      readonly queueName: string;
      readonly partition: number;
      readonly requestTimeout: string;
      readonly leaseTimeout: string;
      readonly ids: readonly ItemId[];
    }): Promise<readonly Outcome<Instant>[]>;
  };
}

/** The request timeout of calls on leased items. The engine does not wait for items then. */
const CALL_TIMEOUT = '30s';

const NONE_REFUSED: Refusals = new Map();

/**
 * The queues of an engine in this process, for `worker` and `producer`. Stop the
 * workers before the engine.
 *
 * A handler that blocks the event loop blocks the engine too: nothing renews its
 * lease meanwhile.
 */
export function inProcess({ queue, keyedProduces, leasedItems }: EngineCalls): QueuePort & ProducePort {
  let hasKeys = true;
  const produceKeyed = ({ dedupKey = '', dedupWindow, items, ...call }: PortProduce) =>
    orQueueError(
      keyedProduces.produce({
        ...{ ...call, items, dedupKey },
        itemKeys: items.map((item) => item.dedupKey ?? ''),
        dedupWindow: dedupWindow === undefined ? '' : formatDuration(dedupWindow),
      }),
    );
  return {
    get canDedup() {
      return hasKeys;
    },
    mostBytes: undefined,
    async produce(call) {
      const { queueName, requestTimeout, items, dedupKey } = call;
      try {
        if (dedupKey !== undefined || items.some((item) => item.dedupKey !== undefined)) {
          return await produceKeyed(call);
        }
      } catch (error) {
        // The producer's own key is a help, and no condition.
        if (dedupKey === undefined || !refusesKeys(error)) throw error;
        hasKeys = false;
      }
      const { ids, partition } = await orQueueError(
        queue.produceWithIds({ queueName, requestTimeout, items }),
      );
      return ids.map((id) => ({ id, partition }));
    },
    async lease(call, signal) {
      try {
        return await orQueueError(queue.lease(call, { signal }));
      } catch (error) {
        if (error instanceof QueueError && error.message === MESSAGES.leaseTimedOut) return undefined;
        throw error;
      }
    },
    async complete({ queueName, partition, ids }) {
      await orQueueError(queue.complete({ queueName, partition, ids, requestTimeout: CALL_TIMEOUT }));
      return NONE_REFUSED;
    },
    async retry({ queueName, partition, items }) {
      await orQueueError(queue.retry({ queueName, partition, items }));
      return NONE_REFUSED;
    },
    async extend({ queueName, partition, ids, leaseTimeout }) {
      const outcomes = await orQueueError(
        leasedItems.extend({
          ...{ queueName, partition, ids, requestTimeout: CALL_TIMEOUT },
          leaseTimeout: formatDuration(leaseTimeout),
        }),
      );
      return new Map(
        outcomes.map((outcome, n) => [ids[n] as ItemId, outcome.ok ? outcome.value : outcome.error]),
      );
    },
  };
}

/** A storage that fails while the engine activates a queue: the same call may succeed later. */
async function orQueueError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof StorageError ? storageFailed(error) : error;
  }
}
