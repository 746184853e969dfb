import { type Clock, type ErrorReason, formatDuration, QueueError } from '@querator/core';
import { BODY_LIMITS, fromNewItem, fromNewItemV2 } from '@querator/protocol';
import type { Client } from '../client.ts';
import { MissingCapabilityError } from '../discovery/missing-capability-error.ts';
import type { ServerInfo } from '../discovery/server-info.ts';
import { itemError } from './item-error.ts';
import { MetadataFallback } from './metadata-fallback.ts';
import { metadataOf } from './metadata-of.ts';
import type { PortNewItem, PortProduce, ProducedItem, ProducePort } from './produce-port.ts';
import { refusesKeys } from './refuses-keys.ts';

/** The capability of dedup keys. */
const DEDUP = 'queue.produce.dedup';
/** The capability of metadata. */
const METADATA = 'metadata';

const OVER_LIMIT: ErrorReason = 'over_limit';

/** Room for the fields of a request besides its items, in bytes. */
const REQUEST_OVERHEAD = 4_096;

/** The call of a producer, sent to a server: under `/v2/` where it can, otherwise under `/v1/`. */
export function clientProducePort(client: Client, clock: Clock): ProducePort {
  return new ClientProducePort(client, clock);
}

class ClientProducePort implements ProducePort {
  readonly mostBytes: number = BODY_LIMITS.produce - REQUEST_OVERHEAD;
  readonly #client: Client;
  readonly #tracing: MetadataFallback;
  #info: ServerInfo | undefined;
  #hasKeys = true;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#tracing = new MetadataFallback(clock);
  }

  get canDedup(): boolean {
    return this.#hasKeys && this.#info?.capabilities.has(DEDUP) === true;
  }

  async discover(): Promise<void> {
    this.#info ??= await this.#client.discover();
  }

  async produce(call: PortProduce): Promise<readonly ProducedItem[]> {
    const info = this.#info ?? (await this.#client.discover());
    this.#info = info;
    checkCapabilities(call, info);
    if (info.capabilities.has('queue.produce')) {
      try {
        return await this.#produceTraced(call, info);
      } catch (error) {
        // The producer's own key is a help, and no condition.
        if (call.dedupKey !== undefined && refusesKeys(error)) {
          this.#hasKeys = false;
          return this.#produceTraced({ ...call, dedupKey: undefined }, info);
        }
        // Another server answered, which is older.
        if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
        if (needsMore(call)) throw tooOld(error);
      }
    }
    const { queueName, requestTimeout, items } = call;
    const headers = sharedPairs(items);
    await this.#client.queue.produce(
      { queueName, requestTimeout, items: items.map(fromNewItem) },
      { headers },
    );
    return [];
  }

  /** Sends what is for tracing with the items, where the queue keeps it. */
  async #produceTraced(call: PortProduce, { capabilities }: ServerInfo): Promise<readonly ProducedItem[]> {
    const plain = () => this.#produceV2(call);
    if (!capabilities.has(METADATA) || call.items.every(({ tracePairs }) => tracePairs === undefined)) {
      return plain();
    }
    const items = call.items.map((item) => ({ ...item, metadata: metadataOf(item) }));
    return this.#tracing.call(() => this.#produceV2({ ...call, items }), plain);
  }

  async #produceV2(call: PortProduce): Promise<readonly ProducedItem[]> {
    const { queueName, requestTimeout, items, dedupKey = '', dedupWindow } = call;
    const request = {
      ...{ queueName, requestTimeout, dedupKey },
      items: items.map((item) => ({ ...fromNewItemV2(item), dedupKey: item.dedupKey ?? '' })),
      dedupWindow: isKeyed(call) && dedupWindow !== undefined ? formatDuration(dedupWindow) : '',
    };
    // The request continues one trace, whatever those of its other items are.
    const reply = await this.#client.v2.queue.produce(request, { headers: items[0]?.tracePairs });
    return reply.items.map(({ id, partition, duplicate, ...outcome }) => {
      const error = itemError(outcome);
      if (error === undefined) return { id, partition, duplicate };
      // Too many keys are stored. Some of them end with time.
      return { error: error.reason === OVER_LIMIT ? unavailableNow(error) : error };
    });
  }
}

/** @throws MissingCapabilityError if the items have what the server does not know. */
function checkCapabilities({ items }: PortProduce, info: ServerInfo): void {
  const lacks = (capability: string) => !info.capabilities.has(capability);
  if (lacks(DEDUP) && items.some(({ dedupKey }) => dedupKey !== undefined)) {
    throw new MissingCapabilityError('a dedup key', DEDUP, info);
  }
  if (lacks(METADATA) && items.some(({ metadata }) => metadata !== undefined)) {
    throw new MissingCapabilityError('metadata', METADATA, info);
  }
}

function isKeyed({ items, dedupKey }: PortProduce): boolean {
  return dedupKey !== undefined || items.some((item) => item.dedupKey !== undefined);
}

/**
 * The pairs for tracing, if all items have the same: the server gives those of a request under
 * `/v1/` to each of its items.
 */
function sharedPairs(items: readonly PortNewItem[]): PortNewItem['tracePairs'] {
  const pairs = items[0]?.tracePairs;
  const isShared = items.every(({ tracePairs }) => tracePairs?.['traceparent'] === pairs?.['traceparent']);
  return isShared ? pairs : undefined;
}

/** Whether the call under `/v1/` would lose a part of the request. */
function needsMore(call: PortProduce): boolean {
  return isKeyed(call) || call.items.some(({ metadata }) => metadata !== undefined);
}

function unavailableNow({ message, reason }: QueueError): QueueError {
  return new QueueError('retry', message, { reason });
}

/** A server without keys would store a repeated request twice, so another one has to serve it. */
function tooOld(cause: QueueError): QueueError {
  const reason: ErrorReason = 'unavailable';
  return new QueueError('retry', 'a server without dedup keys and metadata answered; try again', {
    ...{ reason, cause },
  });
}
