import { MESSAGES, QueueError } from '@querator/core';
import { fromRetriedItem, queueEndpoints, toLeasedItem } from '@querator/protocol';
import type { Client } from '../client.ts';
import { BrokenReplyError } from '../errors/broken-reply-error.ts';
import { extendOf } from './extend-of.ts';
import { itemError } from './item-error.ts';
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

/** The request timeout of a complete call. */
const COMPLETE_TIMEOUT = '30s';

const NONE_REFUSED: Refusals = new Map();

/** The calls of a consumer, sent to a server: under `/v2/` what it is known to have there, otherwise under `/v1/`. */
export function clientPort(client: Client): QueuePort {
  return new ClientPort(client);
}

class ClientPort implements QueuePort {
  readonly thread: QueuePort['thread'];
  extend: QueuePort['extend'];
  readonly #client: Client;
  #capabilities: ReadonlySet<string> = new Set();
  #isDiscovered = false;

  constructor(client: Client) {
    this.#client = client;
    this.thread = client.renewalThread;
  }

  async discover(): Promise<void> {
    if (this.#isDiscovered) return;
    const { capabilities } = await this.#client.discover();
    this.#capabilities = capabilities;
    this.#isDiscovered = true;
    if (capabilities.has('queue.extend')) this.extend = extendOf(this.#client);
  }

  async lease(call: PortLease, signal: AbortSignal): Promise<Lease | undefined> {
    let serverTime: ServerTime | undefined;
    const onReply = (header: (name: string) => string | undefined) => {
      serverTime = serverTimeOf(header);
    };
    try {
      const { partition, items } = await this.#client.queue.lease(call, { signal, onReply });
      // No Querator server sends an empty reply. Leasing again at once would loop without a pause.
      if (items.length === 0) throw new BrokenReplyError(queueEndpoints.lease.path, 'a lease without items');
      return { partition, items: items.map(toLeasedItem), serverTime };
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
    return this.#eachOrAll('queue.retry', {
      each: async () => refusalsOf(await this.#client.v2.queue.retry(request)),
      all: () => this.#client.queue.retry(request),
    });
  }

  /** Makes the call under `/v2/`, which decides about each item, or the one under `/v1/`, which decides about all. */
  async #eachOrAll(
    capability: string,
    { each, all }: { readonly each: () => Promise<Refusals>; readonly all: () => Promise<unknown> },
  ): Promise<Refusals> {
    if (this.#capabilities.has(capability)) {
      try {
        return await each();
      } catch (error) {
        // Another server has answered, which is older.
        if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
      }
    }
    await all();
    return NONE_REFUSED;
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
