import type { Duration, Instant, ItemId } from '@querator/core';

/** A leased item, as far as its renewal goes. */
export interface RenewedItem {
  readonly id: ItemId;
  readonly partition: number;
  /** When the lease ends, by the server's clock. Undefined: the server did not say. */
  leaseDeadline: Instant | undefined;
  /** How long the lease had left when it arrived. Undefined: the server did not say, so that it cannot be renewed. */
  readonly leasedFor: Duration | undefined;
  /** From when on the lease is renewed no more, by the local clock: its handler seems to hang. */
  readonly renewUntil: Instant;
  /** When the lease is to be renewed, by the local clock. Undefined: not now. */
  renewAt: Instant | undefined;
}

/** Renews the leases of the items that the process holds, each when half of its time has passed. */
export interface Renewal<Item extends RenewedItem> {
  /** Begins what takes time before items can be renewed. */
  prepare(): void;
  /** Gets ready for items whose leases end soon. Never rejects. */
  start(): Promise<void>;
  /** Takes items that were just leased. */
  add(items: readonly Item[]): void;
  /** Renews the lease of an item no longer. */
  remove(item: Item): void;
  /** Takes the answers that have arrived, so that the lease deadlines are those of now. */
  sync(): void;
  /** Renews nothing any more. */
  stop(): void;
}

/** What a renewal reports. */
export interface RenewalReports<Item extends RenewedItem> {
  /** Receives each failed call. Never throws. */
  readonly onError: (error: unknown) => void;
  /** Receives each item that the server no longer holds for this consumer. */
  readonly onLost: (item: Item) => void;
}
