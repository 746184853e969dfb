import type { Duration, ItemId } from '@querator/core';
import { fromThreadError } from '../thread/thread-error.ts';
import type { RenewalThread, ThreadPlace } from '../thread/thread-host.ts';
import type { FromThread, ThreadItem } from '../thread/thread-messages.ts';
import type { Renewal, RenewalReports, RenewedItem } from './renewal.ts';

/** Dependencies of {@link ThreadRenewal}. */
export interface ThreadRenewalDeps<Item extends RenewedItem> extends RenewalReports<Item> {
  readonly thread: RenewalThread;
  readonly queueName: string;
  readonly leaseTimeout: Duration | undefined;
  /** Receives the items that the thread holds when it fails. */
  readonly onFailed: (error: unknown, items: readonly Item[]) => void;
}

/** Removed items are reported to the thread with the next lease, or once there are this many. */
const MOST_UNTOLD = 100;

/** A renewal by a thread, which a busy event loop cannot starve. */
export class ThreadRenewal<Item extends RenewedItem> implements Renewal<Item> {
  readonly #deps: ThreadRenewalDeps<Item>;
  readonly #place: ThreadPlace;
  readonly #items = new Map<ItemId, Item>();
  #removed: ItemId[] = [];

  /** @throws if the thread cannot be started. */
  constructor(deps: ThreadRenewalDeps<Item>) {
    this.#deps = deps;
    const { queueName, leaseTimeout } = deps;
    this.#place = deps.thread.open({
      heard: (message) => this.#hear(message),
      failed: (error) => deps.onFailed(error, [...this.#items.values()]),
    });
    this.#place.post({ kind: 'begin', loop: this.#place.loop, queueName, leaseTimeout });
  }

  start(): Promise<void> {
    return this.#place.ready;
  }

  add(items: readonly Item[]): void {
    for (const item of items) this.#items.set(item.id, item);
    this.#tell(
      items.map(({ id, partition, leasedFor, renewUntil, renewAt }) => ({
        ...{ id, partition, leasedFor, renewUntil, renewAt },
      })),
    );
  }

  remove(item: Item): void {
    if (!this.#items.delete(item.id)) return;
    this.#removed.push(item.id);
    if (this.#removed.length >= MOST_UNTOLD) this.#tell([]);
  }

  sync(): void {
    this.#place.sync();
  }

  stop(): void {
    this.#place.post({ kind: 'end', loop: this.#place.loop });
    this.#place.close();
    this.#items.clear();
  }

  #tell(added: readonly ThreadItem[]): void {
    this.#place.post({ kind: 'items', loop: this.#place.loop, added, removed: this.#removed });
    this.#removed = [];
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'renewed':
        for (const [id, deadline] of message.deadlines) {
          const item = this.#items.get(id);
          if (item !== undefined) item.leaseDeadline = deadline;
        }
        return;
      case 'lost': {
        const item = this.#items.get(message.id);
        this.#items.delete(message.id);
        if (item !== undefined) this.#deps.onLost(item);
        return;
      }
      case 'error':
        this.#deps.onError(fromThreadError(message.error));
        return;
    }
  }
}
