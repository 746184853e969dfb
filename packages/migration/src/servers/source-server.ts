import { type Client, listItems, listScheduled } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import { repeat, type Work } from '../repeat.ts';
import {
  contentOf,
  fromExportedItem,
  fromLeasedItem,
  fromStorageItem,
  type HeldItem,
  type SourceItem,
} from './source-item.ts';

/** Items that were leased together. */
export interface LeasedBatch {
  readonly partition: number;
  readonly items: readonly SourceItem[];
}

/** The server that items are moved from. All methods throw the error of a call. */
export interface SourceServer {
  /**
   * Whether items are known by their first ids. If not, an item that gets another id
   * during its move would be taken for another one.
   */
  readonly hasFirstIds: boolean;
  /** All items of a queue, partition by partition. */
  items(queueName: string, partitions: number): AsyncGenerator<SourceItem | HeldItem>;
  /** The items that the partition still has under one of these ids, leased or not. */
  present(queueName: string, partition: number, ids: readonly string[]): Promise<readonly SourceItem[]>;
  /** @returns those that the partition did not have, as far as the server tells. */
  delete(queueName: string, partition: number, ids: readonly string[]): Promise<readonly string[]>;
  /** Leases what waits. Undefined: nothing does. If an answer is lost, its items come back when their leases end. */
  lease(queueName: string, stop: AbortSignal): Promise<LeasedBatch | undefined>;
  /** Completes leased items. @returns those of which the lease had ended. */
  complete(queueName: string, partition: number, ids: readonly string[]): Promise<readonly string[]>;
  /** How many items the queue holds in any state. */
  count(queueName: string): Promise<number>;
}

const PAGE = 1_000;
/** How long a lease waits for items. */
const LEASE_WAIT = '200ms';
const COMPLETE_TIMEOUT = '30s';

/**
 * Finds out what the server can do: `v2/items.export` and `v2/queue.lease`, or `v1` only.
 *
 * @param move names the move in dedup keys.
 */
export async function sourceServer(client: Client, work: Work, move: string): Promise<SourceServer> {
  const isV1 = await repeat(work, async () => {
    try {
      await client.v2.items.export({ queueName: '' }, { signal: work.signal });
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      if (error.retryable) throw error;
      return error.code === 'unknown_method';
    }
    return false;
  });
  return isV1 ? new SourceByV1(client, work, move) : new SourceByV2(client, work, move);
}

class SourceByV1 implements SourceServer {
  readonly hasFirstIds: boolean = false;
  protected readonly client: Client;
  protected readonly work: Work;
  protected readonly move: string;

  constructor(client: Client, work: Work, move: string) {
    this.client = client;
    this.work = work;
    this.move = move;
  }

  async *items(queueName: string, partitions: number): AsyncGenerator<SourceItem | HeldItem> {
    for (let partition = 0; partition < partitions; partition++) {
      for (const list of [listItems, listScheduled]) {
        // A page that fails is read again by the next pass, which a failed one is followed by.
        for await (const item of list(this.client, { queueName, partition }, { signal: this.work.signal })) {
          yield fromStorageItem(item, partition);
        }
      }
    }
  }

  async present(
    queueName: string,
    partition: number,
    ids: readonly string[],
  ): Promise<readonly SourceItem[]> {
    const [first = ''] = ids.toSorted();
    const last = ids.toSorted().at(-1) ?? '';
    const wanted = new Set(ids);
    const found = new Map<string, SourceItem>();
    const { storage } = this.client;
    for (const list of [storage.itemsList, storage.scheduledList]) {
      let pivot = first;
      for (let isOver = false; !isOver; ) {
        const request = { queueName, partition, pivot, limit: PAGE };
        const { items } = await repeat(this.work, () => list(request, { signal: this.work.signal }));
        for (const item of items) if (wanted.has(item.id)) found.set(item.id, contentOf(item, partition));
        const end = items.at(-1)?.id ?? last;
        isOver = end >= last || end === pivot;
        pivot = end;
      }
    }
    return [...found.values()];
  }

  async delete(queueName: string, partition: number, ids: readonly string[]): Promise<readonly string[]> {
    const request = { queueName, partition, ids: [...ids] };
    await repeat(this.work, () => this.client.storage.itemsDelete(request, { signal: this.work.signal }));
    return [];
  }

  async lease(queueName: string, stop: AbortSignal): Promise<LeasedBatch | undefined> {
    const request = { queueName, clientId: this.clientId(), batchSize: PAGE, requestTimeout: LEASE_WAIT };
    return orNothing(async () => {
      const { partition, items } = await repeat({ ...this.work, signal: stop }, () =>
        this.client.queue.lease(request, { signal: stop }),
      );
      return { partition, items: items.map((item) => fromLeasedItem(item, partition, this.move)) };
    });
  }

  async complete(queueName: string, partition: number, ids: readonly string[]): Promise<readonly string[]> {
    if (await this.#completeAll(queueName, partition, ids)) return [];
    if (ids.length === 1) return ids;
    const half = Math.ceil(ids.length / 2);
    const first = await this.complete(queueName, partition, ids.slice(0, half));
    return [...first, ...(await this.complete(queueName, partition, ids.slice(half)))];
  }

  async count(queueName: string): Promise<number> {
    const stats = await repeat(this.work, () =>
      this.client.queue.stats({ queueName }, { signal: this.work.signal }),
    );
    const partitions = stats.logicalQueues.flatMap((each) => each.partitions);
    return partitions.reduce((sum, { total, scheduled }) => sum + total + scheduled, 0);
  }

  protected clientId(): string {
    return `migrate-${this.work.random.base62(10)}`;
  }

  /** @returns false if the server refuses one of the ids, and so all of them. */
  async #completeAll(queueName: string, partition: number, ids: readonly string[]): Promise<boolean> {
    const request = { queueName, partition, ids: [...ids], requestTimeout: COMPLETE_TIMEOUT };
    try {
      await repeat(this.work, () => this.client.queue.complete(request, { signal: this.work.signal }));
      return true;
    } catch (error) {
      if (error instanceof QueueError && error.code === 'invalid') return false;
      throw error;
    }
  }
}

class SourceByV2 extends SourceByV1 {
  override readonly hasFirstIds = true;

  override async *items(queueName: string): AsyncGenerator<SourceItem | HeldItem> {
    let cursor = '';
    do {
      const request = { queueName, cursor, limit: PAGE };
      const { signal } = this.work;
      const page = await repeat(this.work, () => this.client.v2.items.export(request, { signal }));
      for (const item of page.items) yield fromExportedItem(item, this.move);
      cursor = page.cursor;
    } while (cursor !== '');
  }

  override async delete(
    queueName: string,
    partition: number,
    ids: readonly string[],
  ): Promise<readonly string[]> {
    const request = { queueName, partition, ids: [...ids] };
    const { signal } = this.work;
    const { items } = await repeat(this.work, () => this.client.v2.items.delete(request, { signal }));
    return items.filter(({ code }) => code !== '').map(({ id }) => id);
  }

  override async lease(queueName: string, stop: AbortSignal): Promise<LeasedBatch | undefined> {
    const request = { queueName, clientId: this.clientId(), batchSize: PAGE, requestTimeout: LEASE_WAIT };
    return orNothing(async () => {
      const { partition, items } = await repeat({ ...this.work, signal: stop }, () =>
        this.client.v2.queue.lease(request, { signal: stop }),
      );
      return { partition, items: items.map((item) => fromLeasedItem(item, partition, this.move)) };
    });
  }
}

async function orNothing<T>(lease: () => Promise<T>): Promise<T | undefined> {
  try {
    return await lease();
  } catch (error) {
    if (error instanceof QueueError && error.message === MESSAGES.leaseTimedOut) return undefined;
    throw error;
  }
}
