import type { Duration, Instant, ItemId, LeasedItem, QueueError, RetriedItem } from '@querator/core';
import type { RenewalThread } from '../thread/thread-host.ts';

/** A request for items. */
export interface PortLease {
  readonly queueName: string;
  /** Unique among the consumers of the queue. */
  readonly clientId: string;
  /** The most items to lease, 1 to 1,000. */
  readonly batchSize: number;
  /** How long to wait for items, in Go's syntax. */
  readonly requestTimeout: string;
}

/** A time that the server told, during the call. */
export interface ServerTime {
  /** The server's time, rounded down. */
  readonly at: Instant;
  /** By how much it may have been rounded. */
  readonly precision: Duration;
}

/** Leased items, all of one partition. */
export interface Lease {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
  /** Undefined: the lease deadlines are of the local clock. */
  readonly serverTime?: ServerTime | undefined;
}

/** Leased items of one partition, by their ids. */
export interface PortItems {
  readonly queueName: string;
  readonly partition: number;
  /** 1 to 1,000 ids, none twice. */
  readonly ids: readonly ItemId[];
}

/** Leased items of one partition, to be given back. */
export interface PortRetry {
  readonly queueName: string;
  readonly partition: number;
  /** 1 to 1,000 items, none twice. */
  readonly items: readonly RetriedItem[];
}

/** Leased items of one partition, whose leases are to be renewed. */
export interface PortExtend extends PortItems {
  /** How long the leases last from now. */
  readonly leaseTimeout: Duration;
}

/** What became of each lease: its new deadline, or why it was not renewed. */
export type Extended = ReadonlyMap<ItemId, Instant | QueueError>;

/** The items that a call did not change, with the reason of each. Empty: it changed all. */
export type Refusals = ReadonlyMap<ItemId, QueueError>;

/**
 * The calls by which a consumer works, on a server or in the same process.
 *
 * A call that fails as a whole throws. A QueueError `invalid` says that nothing
 * was changed, perhaps because of one item of many: the caller may repeat the
 * call with fewer items.
 */
export interface QueuePort {
  /**
   * Leases items, and waits for them.
   *
   * @returns undefined if none came in time.
   * @throws the reason of the signal if that is aborted.
   */
  lease(call: PortLease, signal: AbortSignal): Promise<Lease | undefined>;

  /** Removes leased items. */
  complete(call: PortItems): Promise<Refusals>;

  /** Gives leased items back. */
  retry(call: PortRetry): Promise<Refusals>;

  /** Renews leases. Undefined while it is not known that the server can. */
  readonly extend: ((call: PortExtend) => Promise<Extended>) | undefined;

  /** The version of the server. Undefined: not known. */
  readonly version?: string | undefined;

  /** A thread that can renew leases too. Undefined: there is none. */
  readonly thread?: RenewalThread | undefined;

  /**
   * Finds out what the server can, once. A port that knows has none.
   *
   * @throws as the other calls do. Then a later call tries again.
   */
  readonly discover?: (() => Promise<void>) | undefined;
}
