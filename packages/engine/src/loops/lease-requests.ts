import type { LeasedItem } from '@querator/core';
import type { Waiter } from '../waiting/pending-request.ts';
import { deal } from './distribute.ts';

/** The items one consumer got, all of one partition. */
export interface Leased {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

/** A consumer that waits for items. */
export interface Lease {
  readonly clientId: string;
  readonly limit: number;
  readonly waiter: Waiter<Leased>;
  /** The number of the fetch under way for it; absent: there is none, or it takes too long to be counted on. */
  promisedBy: number | undefined;
  readonly hand: LeasedItem[];
}

/** The lease requests that wait, in order of arrival. */
export class LeaseRequests {
  /** By client id; a Map keeps the order of arrival. */
  readonly #waiting = new Map<string, Lease>();
  #idle = 0;

  /** Requests not answered yet. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Requests with no fetch under way for them. */
  get idle(): number {
    return this.#idle;
  }

  /** Whether a request of that client waits, and the client is still there. */
  has(clientId: string): boolean {
    const request = this.#waiting.get(clientId);
    if (request?.waiter.isOver() !== true) return request !== undefined;
    this.forget(request);
    return false;
  }

  add(request: Lease): void {
    this.#waiting.set(request.clientId, request);
    this.#idle++;
  }

  /** The request is answered, or its caller is gone. */
  forget(request: Lease): void {
    if (this.#waiting.get(request.clientId) !== request) return;
    this.#waiting.delete(request.clientId);
    if (request.promisedBy === undefined) this.#idle--;
  }

  /** All that wait, in order of arrival. */
  all(): Lease[] {
    return [...this.#waiting.values()];
  }

  /** Those with no fetch under way for them, in order of arrival. Those whose callers turn out to be gone are forgotten. */
  *allIdle(): Generator<Lease> {
    for (const request of this.#waiting.values()) {
      if (this.#idle === 0) return;
      if (request.promisedBy !== undefined) continue;
      if (request.waiter.isOver()) this.forget(request);
      else yield request;
    }
  }

  /** A fetch is sent off for the request, which has none. @param fetch its number; later ones have greater ones. */
  promise(request: Lease, fetch: number): void {
    request.promisedBy = fetch;
    this.#idle--;
  }

  /** A fetch for the request has ended, or takes too long to be counted on. */
  unpromise(request: Lease): void {
    request.promisedBy = undefined;
    if (this.#waiting.get(request.clientId) === request) this.#idle++;
  }

  /**
   * Deals what a fetch brought to those it was sent for, then to whoever else
   * waits, and answers all who got some. Those for whom an earlier fetch is
   * under way are left alone: what it brings is older, as a rule, and would be
   * put back if they were gone.
   *
   * @returns the items nobody takes.
   */
  handOut(
    partition: number,
    items: readonly LeasedItem[],
    fetch: { readonly number: number; readonly requests: readonly Lease[] },
  ): readonly LeasedItem[] {
    if (items.length === 0) return items;
    const takers = fetch.requests.filter(({ waiter }) => !waiter.isOver());
    let dealt = deal(items, takers);
    if (dealt < items.length) {
      const others = this.all().filter(
        ({ hand, waiter, promisedBy = fetch.number }) =>
          hand.length === 0 && promisedBy >= fetch.number && !waiter.isOver(),
      );
      dealt += deal(items.slice(dealt), others);
      takers.push(...others);
    }
    for (const request of takers) {
      if (request.hand.length === 0) continue;
      request.waiter.resolve({ partition, items: request.hand });
      this.forget(request);
    }
    return items.slice(dealt);
  }
}
