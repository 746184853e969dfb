import {
  type Clock,
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
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  storageFailed,
} from '@querator/core';
import { MetadataFallback } from './metadata-fallback.ts';
import { metadataOf } from './metadata-of.ts';
import type { PortProduce, ProducedItem, ProducePort } from './produce-port.ts';
import type {
  Extended,
  Lease,
  PortExtend,
  PortItems,
  PortLease,
  PortRetry,
  QueuePort,
  Refusals,
} from './queue-port.ts';
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
        readonly details: boolean;
      },
      options: { readonly signal: AbortSignal },
    ): Promise<{ readonly partition: number; readonly items: readonly LeasedItem[] }>;
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
    complete(call: {
      readonly queueName: string;
      readonly partition: number;
      readonly requestTimeout: string;
      readonly ids: readonly ItemId[];
    }): Promise<readonly Outcome<unknown>[]>;
    retry(call: {
      readonly queueName: string;
      readonly partition: number;
      readonly items: readonly RetriedItem[];
    }): Promise<readonly Outcome<unknown>[]>;
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

/**
 * The queues of an engine in this process, for `worker` and `producer`. Stop the
 * workers before the engine.
 *
 * A handler that blocks the event loop blocks the engine too: nothing renews its
 * lease meanwhile.
 *
 * @param clock for tests. It decides when to try again what a storage could not do.
 */
export function inProcess(engine: EngineCalls, clock: Clock = new SystemClock()): QueuePort & ProducePort {
  return new EnginePort(engine, clock);
}

class EnginePort implements QueuePort, ProducePort {
  readonly mostBytes: number | undefined;
  readonly #engine: EngineCalls;
  readonly #tracing: MetadataFallback;
  readonly #leases: MetadataFallback;
  readonly #errors: MetadataFallback;
  #hasKeys = true;

  constructor(engine: EngineCalls, clock: Clock) {
    this.#engine = engine;
    this.#tracing = new MetadataFallback(clock);
    this.#leases = new MetadataFallback(clock);
    this.#errors = new MetadataFallback(clock);
  }

  get canDedup(): boolean {
    return this.#hasKeys;
  }

  async produce(call: PortProduce): Promise<readonly ProducedItem[]> {
    try {
      return await this.#produceTraced(call);
    } catch (error) {
      // The producer's own key is a help, and no condition.
      if (call.dedupKey === undefined || !refusesKeys(error)) throw error;
      this.#hasKeys = false;
      return this.#produceTraced({ ...call, dedupKey: undefined });
    }
  }

  async lease(call: PortLease, signal: AbortSignal): Promise<Lease | undefined> {
    const { queue } = this.#engine;
    const leased = (details: boolean) => orQueueError(queue.lease({ ...call, details }, { signal }));
    try {
      return await this.#leases.call(
        () => leased(true),
        () => leased(false),
      );
    } catch (error) {
      if (error instanceof QueueError && error.message === MESSAGES.leaseTimedOut) return undefined;
      throw error;
    }
  }

  async complete({ queueName, partition, ids }: PortItems): Promise<Refusals> {
    const call = { queueName, partition, ids, requestTimeout: CALL_TIMEOUT };
    return refusalsOf(ids, await orQueueError(this.#engine.leasedItems.complete(call)));
  }

  async retry({ queueName, partition, items }: PortRetry): Promise<Refusals> {
    const retried = (some: readonly RetriedItem[]) =>
      orQueueError(this.#engine.leasedItems.retry({ queueName, partition, items: some }));
    const plain = () => retried(items.map(({ error: _, ...item }) => item));
    const outcomes = await this.#errors.call(() => retried(items), plain);
    return refusalsOf(
      items.map(({ id }) => id),
      outcomes,
    );
  }

  async extend({ queueName, partition, ids, leaseTimeout }: PortExtend): Promise<Extended> {
    const outcomes = await orQueueError(
      this.#engine.leasedItems.extend({
        ...{ queueName, partition, ids, requestTimeout: CALL_TIMEOUT },
        leaseTimeout: formatDuration(leaseTimeout),
      }),
    );
    return new Map(
      outcomes.map((outcome, n) => [ids[n] as ItemId, outcome.ok ? outcome.value : outcome.error]),
    );
  }

  #produceTraced(call: PortProduce): Promise<readonly ProducedItem[]> {
    const plain = () => this.#produceItems(call);
    if (call.items.every(({ tracePairs }) => tracePairs === undefined)) return plain();
    const items = call.items.map((item) => ({ ...item, metadata: metadataOf(item) }));
    return this.#tracing.call(() => this.#produceItems({ ...call, items }), plain);
  }

  async #produceItems(call: PortProduce): Promise<readonly ProducedItem[]> {
    const { queueName, requestTimeout, items, dedupKey = '', dedupWindow } = call;
    const { queue, keyedProduces } = this.#engine;
    if (dedupKey === '' && items.every((item) => item.dedupKey === undefined)) {
      const produced = await orQueueError(queue.produceWithIds({ queueName, requestTimeout, items }));
      return produced.ids.map((id) => ({ id, partition: produced.partition }));
    }
    return orQueueError(
      keyedProduces.produce({
        ...{ queueName, requestTimeout, items, dedupKey },
        itemKeys: items.map((item) => item.dedupKey ?? ''),
        dedupWindow: dedupWindow === undefined ? '' : formatDuration(dedupWindow),
      }),
    );
  }
}

function refusalsOf(ids: readonly ItemId[], outcomes: readonly Outcome<unknown>[]): Refusals {
  const refused = new Map<ItemId, QueueError>();
  for (const [n, outcome] of outcomes.entries())
    if (!outcome.ok) refused.set(ids[n] as ItemId, outcome.error);
  return refused;
}

/** A storage that fails while the engine activates a queue: the same call may succeed later. */
async function orQueueError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof StorageError ? storageFailed(error) : error;
  }
}
