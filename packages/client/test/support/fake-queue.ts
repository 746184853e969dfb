import {
  addDuration,
  type Clock,
  type Duration,
  type Instant,
  type ItemId,
  itemNotLeased,
  type LeasedItem,
  MESSAGES,
  millisecondsBetween,
  noSuchItem,
  parseDuration,
  QueueError,
  type RetriedItem,
} from '@querator/core';
import { codecs, queueEndpoints, SUCCESS_REPLY, toRetriedItem, toTimestamp } from '@querator/protocol';
import type { QueuePort, Refusals } from '../../src/port/queue-port.ts';
import { FakeServer } from './fake-server.ts';

interface Entry {
  readonly name: string;
  readonly id: ItemId;
  readonly attempts: number;
  /** Of a leased item: when its lease ends. Of a waiting one: when it becomes available. */
  readonly at: Instant;
}

/** What a queue in memory has been through. */
export interface FakeQueueLog {
  /** The sizes of the batches that were asked for. */
  readonly batchSizes: number[];
  /** The names of the items that were completed, one list per call. */
  readonly completed: string[][];
  /** The names of the items that were given back, one list per call. */
  readonly retried: string[][];
  /** What was said of the items that were given back. */
  readonly givenBack: RetriedItem[];
  /** The names of the items whose leases were extended, one list per call. */
  readonly extended: string[][];
  /** The names of items whose lease ended without a result. */
  readonly expired: string[];
}

/** A queue of one partition in memory, which judges leases by a manual clock. */
export class FakeQueue {
  readonly log: FakeQueueLog = {
    batchSizes: [],
    completed: [],
    retried: [],
    givenBack: [],
    extended: [],
    expired: [],
  };
  /** Fewer items are never asked for: a queue that hands out too many. */
  leasesAtLeast = 0;
  readonly #clock: Clock;
  readonly #leaseTimeout: Duration;
  #waiting: Entry[] = [];
  #leased = new Map<ItemId, Entry>();
  #lastId = 0;
  #wake = new Set<() => void>();

  constructor(clock: Clock, leaseTimeout: string) {
    this.#clock = clock;
    this.#leaseTimeout = parseDuration(leaseTimeout);
  }

  add(...names: readonly string[]): void {
    for (const name of names) this.#enqueue(name, 0, this.#clock.now());
  }

  /** The items that were not completed. */
  get left(): readonly string[] {
    return [...this.#waiting, ...this.#leased.values()].map(({ name }) => name);
  }

  /** Whether the lease of an item runs. */
  isLeased(id: ItemId): boolean {
    const entry = this.#leased.get(id);
    return entry !== undefined && entry.at > this.#clock.now();
  }

  /** Gives the lease of an item to another consumer. */
  takeAway(name: string): void {
    for (const entry of this.#leased.values()) if (entry.name === name) this.#leased.delete(entry.id);
  }

  /** Waits for items until the signal is aborted. */
  async lease(batchSize: number, signal: AbortSignal): Promise<readonly LeasedItem[]> {
    if (batchSize < 1) throw new QueueError('invalid', 'invalid batch size; must be greater than zero');
    this.log.batchSizes.push(batchSize);
    for (;;) {
      const items = this.#take(Math.max(batchSize, this.leasesAtLeast));
      if (items.length > 0) return items;
      await this.#changed(signal);
      if (signal.aborted) throw new QueueError('retry', MESSAGES.leaseTimedOut);
    }
  }

  /** All or nothing, as under `/v1/`. */
  complete(ids: readonly ItemId[]): void {
    const entries = this.#find(ids, 'completed');
    for (const { id } of entries) this.#leased.delete(id);
    this.log.completed.push(entries.map(({ name }) => name));
  }

  /** All or nothing, as under `/v1/`. */
  retry(items: readonly RetriedItem[]): void {
    const ids = items.map(({ id }) => id);
    const entries = this.#find(ids, 'retried');
    for (const [n, { id, name, attempts }] of entries.entries()) {
      this.#leased.delete(id);
      if (items[n]?.dead !== true) this.#enqueue(name, attempts, items[n]?.retryAt ?? this.#clock.now());
    }
    this.log.givenBack.push(...items);
    this.log.retried.push(entries.map(({ name }) => name));
  }

  /** Gives leased items a new deadline. */
  extend(ids: readonly ItemId[], leaseTimeout: Duration): Map<ItemId, Instant | QueueError> {
    this.#sweep();
    this.log.extended.push(ids.map((id) => this.#leased.get(id)?.name ?? 'gone'));
    const at = addDuration(this.#clock.now(), leaseTimeout);
    return new Map<ItemId, Instant | QueueError>(
      ids.map((id) => {
        const entry = this.#leased.get(id);
        if (entry === undefined) return [id, noSuchItem(id)];
        this.#leased.set(id, { ...entry, at });
        return [id, at];
      }),
    );
  }

  /** The queue as a port whose calls answer at once. */
  port({ canExtend }: { readonly canExtend: boolean }): QueuePort {
    return {
      lease: async ({ batchSize }, signal) => {
        const items = await this.lease(batchSize, signal);
        signal.throwIfAborted();
        return { partition: 3, items };
      },
      complete: async ({ ids }) => this.#each(ids, (id) => this.complete([id])),
      retry: async ({ items }) =>
        this.#each(
          items.map(({ id }) => id),
          (_, n) => this.retry([items[n] as RetriedItem]),
        ),
      extend: canExtend ? async ({ ids, leaseTimeout }) => this.extend(ids, leaseTimeout) : undefined,
    };
  }

  #each(ids: readonly ItemId[], call: (id: ItemId, n: number) => void): Refusals {
    const refusals = new Map<ItemId, QueueError>();
    for (const [n, id] of ids.entries()) {
      try {
        call(id, n);
      } catch (error) {
        refusals.set(id, error as QueueError);
      }
    }
    return refusals;
  }

  /** The calls under `/v1/` of a server with this queue only. */
  server(): FakeServer {
    return new FakeServer()
      .on(queueEndpoints.lease, async ({ batchSize }, signal) =>
        codecs.QueueLeaseResponse.create({
          partition: 3,
          items: (await this.lease(batchSize, signal)).map(({ id, attempts, payload, leaseDeadline }) => ({
            ...{ id, attempts, bytes: payload },
            leaseDeadline: toTimestamp(leaseDeadline),
          })),
        }),
      )
      .on(queueEndpoints.complete, ({ ids }) => {
        this.complete(ids);
        return SUCCESS_REPLY;
      })
      .on(queueEndpoints.retry, ({ items }) => {
        this.retry(items.map(toRetriedItem));
        return SUCCESS_REPLY;
      });
  }

  #enqueue(name: string, attempts: number, at: Instant): void {
    this.#lastId++;
    this.#waiting.push({ name, id: String(this.#lastId).padStart(27, '0'), attempts, at });
    for (const wake of this.#wake) wake();
  }

  #take(batchSize: number): LeasedItem[] {
    this.#sweep();
    const now = this.#clock.now();
    const taken = this.#waiting.filter(({ at }) => at <= now).slice(0, batchSize);
    this.#waiting = this.#waiting.filter((entry) => !taken.includes(entry));
    return taken.map(({ name, id, attempts }) => {
      const leaseDeadline = addDuration(now, this.#leaseTimeout);
      this.#leased.set(id, { name, id, attempts: attempts + 1, at: leaseDeadline });
      const payload = new TextEncoder().encode(name);
      return { id, attempts: attempts + 1, leaseDeadline, payload, encoding: '', kind: '', reference: '' };
    });
  }

  #find(ids: readonly ItemId[], action: 'completed' | 'retried'): Entry[] {
    this.#sweep();
    return ids.map((id) => {
      const entry = this.#leased.get(id);
      if (entry !== undefined) return entry;
      throw this.#waiting.some((waiting) => waiting.id === id) ? itemNotLeased(id, action) : noSuchItem(id);
    });
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const { id, name, attempts, at } of [...this.#leased.values()]) {
      if (at > now) continue;
      this.#leased.delete(id);
      this.log.expired.push(name);
      this.#enqueue(name, attempts, now);
    }
  }

  /** Resolves when an item may have become available, or the signal is aborted. */
  #changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake.add(resolve);
    signal.addEventListener('abort', () => resolve());
    const now = this.#clock.now();
    const cancels = [...this.#leased.values(), ...this.#waiting].map(({ at }) =>
      this.#clock.startTimer(millisecondsBetween(now, at), resolve),
    );
    return promise.finally(() => {
      this.#wake.delete(resolve);
      for (const cancel of cancels) cancel();
    });
  }
}
