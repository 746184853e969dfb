import { type Clock, MESSAGES, QueueError } from '@querator/core';
import {
  fromRetriedItem,
  fromRetriedItemV2,
  queueEndpoints,
  toLeasedItem,
  toLeasedItemV2,
} from '@querator/protocol';
import type { Client } from '../client.ts';
import { BrokenReplyError } from '../errors/broken-reply-error.ts';
import { extendOf } from './extend-of.ts';
import { itemError } from './item-error.ts';
import { MetadataFallback } from './metadata-fallback.ts';
import type {
  Lease,
  PortItems,
  PortLease,
  PortRetry,
  QueuePort,
  Refusals,
  ServerTime,
} from './queue-port.ts';
import { serverTimeOf } from './server-time.ts';

/** The capability of metadata, first ids and errors. */
const METADATA = 'metadata';
/** The request timeout of a complete call. */
const COMPLETE_TIMEOUT = '30s';

const NONE_REFUSED: Refusals = new Map();

/** The calls of a consumer, sent to a server: under `/v2/` what it is known to have there, otherwise under `/v1/`. */
export function clientPort(client: Client, options: ClientPortOptions): QueuePort {
  return new ClientPort(client, options);
}

/** How a port uses what a server can. */
export interface ClientPortOptions {
  readonly clock: Clock;
  /** Whether leased items come with their details, where the server keeps them. */
  readonly details: boolean;
}

class ClientPort implements QueuePort {
  readonly thread: QueuePort['thread'];
  version: string | undefined;
  extend: QueuePort['extend'];
  readonly #client: Client;
  readonly #details: boolean;
  readonly #leases: MetadataFallback;
  readonly #errors: MetadataFallback;
  #capabilities: ReadonlySet<string> = new Set();
  #isDiscovered = false;

  constructor(client: Client, { clock, details }: ClientPortOptions) {
    this.#client = client;
    this.#details = details;
    this.#leases = new MetadataFallback(clock);
    this.#errors = new MetadataFallback(clock);
    this.thread = client.renewalThread;
  }

  async discover(): Promise<void> {
    if (this.#isDiscovered) return;
    const { capabilities, version } = await this.#client.discover();
    this.#capabilities = capabilities;
    this.version = version;
    this.#isDiscovered = true;
    if (capabilities.has('queue.extend')) this.extend = extendOf(this.#client);
  }

  async lease(call: PortLease, signal: AbortSignal): Promise<Lease | undefined> {
    let serverTime: ServerTime | undefined;
    const onReply = (header: (name: string) => string | undefined) => {
      serverTime = serverTimeOf(header);
    };
    const plain = async () => {
      const { partition, items } = await this.#client.queue.lease(call, { signal, onReply });
      return { partition, items: items.map(toLeasedItem) };
    };
    const detailed = async () => {
      const { partition, items } = await this.#client.v2.queue.lease(call, { signal, onReply });
      return { partition, items: items.map(toLeasedItemV2) };
    };
    try {
      const { partition, items } =
        this.#details && this.#capabilities.has(METADATA)
          ? await this.#leases.call(() => orElse(detailed, plain), plain)
          : await plain();
      // No Querator server sends an empty reply. Leasing again at once would loop without a pause.
      if (items.length === 0) throw new BrokenReplyError(queueEndpoints.lease.path, 'a lease without items');
      return { partition, items, serverTime };
    } catch (error) {
      if (isQueueEmpty(error)) return undefined;
      throw error;
    }
  }

  complete({ queueName, partition, ids }: PortItems): Promise<Refusals> {
    const request = { queueName, partition, ids: [...ids], requestTimeout: COMPLETE_TIMEOUT };
    return this.#eachOrAll('queue.complete', {
      each: async () => refusalsOf(await this.#client.v2.queue.complete(request)),
      all: () => this.#client.queue.complete(request),
    });
  }

  retry({ queueName, partition, items }: PortRetry): Promise<Refusals> {
    const request = { queueName, partition, items: items.map(fromRetriedItem) };
    const each = async () => refusalsOf(await this.#client.v2.queue.retry(request));
    const withErrors = async () =>
      refusalsOf(
        await this.#client.v2.queue.retry({ queueName, partition, items: items.map(fromRetriedItemV2) }),
      );
    const hasErrors = this.#capabilities.has(METADATA) && items.some(({ error }) => error !== undefined);
    return this.#eachOrAll('queue.retry', {
      each: () => (hasErrors ? this.#errors.call(withErrors, each) : each()),
      all: () => this.#client.queue.retry(request),
    });
  }

  /** Makes the call under `/v2/`, which decides about each item, or the one under `/v1/`, which decides about all. */
  async #eachOrAll(
    capability: string,
    { each, all }: { readonly each: () => Promise<Refusals>; readonly all: () => Promise<unknown> },
  ): Promise<Refusals> {
    const allAtOnce = async () => {
      await all();
      return NONE_REFUSED;
    };
    return this.#capabilities.has(capability) ? orElse(each, allAtOnce) : allAtOnce();
  }
}

/** Makes the first call, or the second one if another server answers, which is older. */
async function orElse<T>(call: () => Promise<T>, older: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
    return older();
  }
}

function refusalsOf({ items }: { readonly items: readonly ItemReply[] }): Refusals {
  const refused = items.flatMap(({ id, ...outcome }): [string, QueueError][] => {
    const error = itemError(outcome);
    return error === undefined ? [] : [[id, error]];
  });
  return refused.length === 0 ? NONE_REFUSED : new Map(refused);
}

/** What a reply says of one item. */
interface ItemReply {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

/** The server's reply if no item arrived in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
