import type { Duration, LeasedItem } from '@querator/core';
import type { GatherWish } from '../rules/lease-options.ts';
import type { PendingRequest } from '../waiting/pending-request.ts';
import { distribute } from './distribute.ts';
import type { Gathering } from './gathering.ts';

/** The items of one answer to a lease request, all of one partition. */
export interface Leased {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

/** What a consumer asks for. */
export interface LeaseWishes {
  /** Unique among the pending requests of the queue. */
  readonly clientId: string;
  /** The most items. */
  readonly limit: number;
  /** Whether the items must have their details. */
  readonly details: boolean;
  /** How long the lease lasts. Undefined: as long as the queue's leases. */
  readonly leaseTimeout?: Duration | undefined;
  /** Undefined: one item is enough. */
  readonly gather?: GatherWish | undefined;
}

/** A consumer's request that waits for items. */
export interface PendingLease extends LeaseWishes {
  readonly pending: PendingRequest<Leased>;
  /** Undefined: one item is enough. */
  readonly gathering: Gathering | undefined;
  /** Requests of one kind ask for the same besides the number of items. Undefined: any items will do. */
  readonly kind: string | undefined;
  /** The number of the statement that leases for it. Undefined: none, or a slow one. */
  promisedBy: number | undefined;
  readonly assigned: LeasedItem[];
}

/** See {@link PendingLease.kind}. */
export function kindOf({ details, leaseTimeout, gather }: LeaseWishes): string | undefined {
  if (!details && leaseTimeout === undefined && gather === undefined) return undefined;
  return `${details} ${leaseTimeout ?? ''} ${gather?.minItems ?? ''}`;
}

/** The pending lease requests of a queue, in order of arrival. */
export class LeaseRequests {
  /** By client id; a Map keeps the order of arrival. */
  readonly #waiting = new Map<string, PendingLease>();
  #idle = 0;

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Requests that no statement leases for. */
  get idle(): number {
    return this.#idle;
  }

  /** Whether a request of that client is pending, and the client is still there. */
  has(clientId: string): boolean {
    const request = this.#waiting.get(clientId);
    if (request?.pending.isOver() !== true) return request !== undefined;
    this.forget(request);
    return false;
  }

  add(request: PendingLease): void {
    this.#waiting.set(request.clientId, request);
    this.#idle++;
  }

  /** The request is answered, or its caller is gone. */
  forget(request: PendingLease): void {
    if (this.#waiting.get(request.clientId) !== request) return;
    this.#waiting.delete(request.clientId);
    request.gathering?.reset();
    if (request.promisedBy === undefined) this.#idle--;
  }

  /** All pending requests, in order of arrival. */
  all(): PendingLease[] {
    return [...this.#waiting.values()];
  }

  /** Requests that no statement leases for, in order of arrival. Forgets those whose callers are gone. */
  *allIdle(): Generator<PendingLease> {
    for (const request of this.#waiting.values()) {
      if (this.#idle === 0) return;
      if (request.promisedBy !== undefined) continue;
      if (request.pending.isOver()) this.forget(request);
      else yield request;
    }
  }

  /** A statement is sent for an idle request. @param statement its number; later ones are greater. */
  promise(request: PendingLease, statement: number): void {
    request.promisedBy = statement;
    this.#idle--;
  }

  /** The statement for the request has ended, or is slow. */
  unpromise(request: PendingLease): void {
    request.promisedBy = undefined;
    if (this.#waiting.get(request.clientId) !== request) return;
    request.gathering?.reset();
    this.#idle++;
  }

  /**
   * Distributes the items of a statement to its own requests, then to other
   * pending ones. Answers all requests that received items. Skips requests of an
   * earlier statement: its items are mostly older, and would be released. Items
   * without details go to no request that asks for them, and no item to a request
   * that asks for another lease timeout or waits for more items.
   *
   * @returns the items that no request takes.
   */
  assignItems(
    partition: number,
    items: readonly LeasedItem[],
    statement: {
      readonly number: number;
      readonly requests: readonly PendingLease[];
      readonly details: boolean;
      readonly leaseTimeout: Duration | undefined;
    },
  ): readonly LeasedItem[] {
    if (items.length === 0) return items;
    const takers = statement.requests.filter(({ pending }) => !pending.isOver());
    let distributed = distribute(items, takers);
    if (distributed < items.length) {
      const others = this.all().filter(
        ({ assigned, pending, details, leaseTimeout, gathering, promisedBy = statement.number }) =>
          assigned.length === 0 &&
          promisedBy >= statement.number &&
          (statement.details || !details) &&
          leaseTimeout === statement.leaseTimeout &&
          gathering?.holdsOut !== true &&
          !pending.isOver(),
      );
      distributed += distribute(items.slice(distributed), others);
      takers.push(...others);
    }
    for (const request of takers) {
      if (request.assigned.length === 0) continue;
      request.pending.resolve({ partition, items: request.assigned });
      this.forget(request);
    }
    return items.slice(distributed);
  }
}
