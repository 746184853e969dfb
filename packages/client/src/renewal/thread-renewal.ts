import type { Duration, Instant, ItemId } from '@querator/core';
import { fromThreadError } from '../thread/thread-error.ts';
import type { RenewalThread, ThreadPlace } from '../thread/thread-host.ts';
import type { FromThread } from '../thread/thread-messages.ts';
import { LeaseTable } from './lease-table.ts';
import type { Renewal, RenewalReports, RenewedItem } from './renewal.ts';

/** Dependencies of {@link ThreadRenewal}. */
export interface ThreadRenewalDeps<Item extends RenewedItem> extends RenewalReports<Item> {
  readonly thread: RenewalThread;
  readonly queueName: string;
  readonly leaseTimeout: Duration | undefined;
  /** Receives the items that the thread holds when it fails. */
  readonly onFailed: (error: unknown, items: readonly Item[]) => void;
}

/** An item whose lease is in the table. */
interface Held<Item> {
  readonly item: Item;
  readonly slot: number;
}

/** A renewal by a thread, which a busy event loop cannot starve. */
export class ThreadRenewal<Item extends RenewedItem> implements Renewal<Item> {
  readonly #deps: ThreadRenewalDeps<Item>;
  readonly #place: ThreadPlace;
  readonly #held = new Map<ItemId, Held<Item>>();
  #table = new LeaseTable();

  /** @throws if the thread cannot be started. */
  constructor(deps: ThreadRenewalDeps<Item>) {
    this.#deps = deps;
    const { queueName, leaseTimeout } = deps;
    this.#place = deps.thread.open({
      heard: (message) => this.#hear(message),
      failed: (error) =>
        deps.onFailed(
          error,
          [...this.#held.values()].map(({ item }) => item),
        ),
    });
    const { loop } = this.#place;
    this.#place.post({ kind: 'begin', loop, queueName, leaseTimeout, table: this.#table.buffer });
  }

  prepare(): void {}

  start(): Promise<void> {
    return this.#place.load();
  }

  /** Takes items that fit the table. */
  add(items: readonly Item[]): void {
    let first: Instant | undefined;
    for (const item of items) {
      const { renewAt } = item;
      if (this.#write(item) && renewAt !== undefined && (first === undefined || renewAt < first))
        first = renewAt;
    }
    if (first === undefined) return;
    // Asked after the leases were written: until then the thread may have missed them.
    const { nextLook } = this.#table;
    if (nextLook === undefined || nextLook > first) this.#tell(first);
  }

  /** @returns whether the lease of the item is in the table. */
  #write(item: Item): boolean {
    const { id, partition, leasedFor, renewUntil, renewAt } = item;
    if (leasedFor === undefined || renewAt === undefined) return false;
    this.remove(item);
    const lease = { id, partition, leasedFor, renewUntil, renewAt };
    let slot = this.#table.add(lease);
    if (slot === undefined) {
      this.#table = this.#table.grown();
      this.#tell(renewAt, this.#table.buffer);
      slot = this.#table.add(lease) as number;
    }
    this.#held.set(id, { item, slot });
    return true;
  }

  #tell(by: Instant, table?: SharedArrayBuffer): void {
    this.#place.post({ kind: 'look', loop: this.#place.loop, by, table });
  }

  remove({ id }: Item): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#table.remove(held.slot);
  }

  sync(): void {
    this.#place.sync();
  }

  stop(): void {
    this.#place.post({ kind: 'end', loop: this.#place.loop });
    this.#place.close();
    this.#held.clear();
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'renewed':
        for (const [id, deadline] of message.deadlines) {
          const held = this.#held.get(id);
          if (held !== undefined) held.item.leaseDeadline = deadline;
        }
        return;
      case 'lost': {
        const held = this.#held.get(message.id);
        if (held === undefined) return;
        this.remove(held.item);
        this.#deps.onLost(held.item);
        return;
      }
      case 'error':
        this.#deps.onError(fromThreadError(message.error));
        return;
    }
  }
}
