import { isBudgetSpent, type LeasedItem, MESSAGES, QueueError } from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { EngineDeps } from '../engine-options.ts';
import { deal } from './deal.ts';
import type { Lane } from './lane.ts';
import type { QueueHooks } from './queue-hooks.ts';
import { type Patience, Waiter } from './waiter.ts';

/** The items one consumer got, all of one partition. */
export interface Leased {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

interface Lease {
  readonly clientId: string;
  readonly limit: number;
  readonly waiter: Waiter<Leased>;
  /** How many fetches are under way that may serve this request before anything slows down. */
  promised: number;
  readonly hand: LeasedItem[];
}

/** One statement that takes items for the requests it was sent for. */
interface Fetch {
  readonly requests: Lease[];
  limit: number;
  /** How many of the partition's known items it is expected to take. */
  expected: number;
  /** Items are dealt one at a time, so this many requests are sure to get one. */
  readonly surelyServed: number;
  /** Has it taken so long that its requests may be served from elsewhere? */
  slow: boolean;
}

/**
 * Serves consumers. Requests wait in order of arrival; whenever a partition is
 * known or suspected to hold items, one statement takes items for all of them,
 * and what it brings is dealt round among those still there. A request is
 * bound to a partition only by what it gets, never while it waits, so a slow
 * partition holds nobody back for long.
 */
export class LeaseLoop {
  readonly #deps: EngineDeps;
  readonly #lanes: readonly Lane[];
  readonly #order: PartitionOrder<Lane>;
  readonly #hooks: QueueHooks;
  /** Waiting requests by client id; a Map keeps the order of arrival. */
  readonly #requests = new Map<string, Lease>();
  readonly #fetches = new Map<Lane, Fetch>();
  /** Partitions that may hold items nobody told this process of. */
  readonly #suspects = new Set<Lane>();
  /** Requests with no fetch under way for them; 0 spares a cycle the search. */
  #idle = 0;
  #cycleScheduled = false;
  #whenIdle: (() => void)[] = [];

  constructor(deps: EngineDeps, lanes: readonly Lane[], order: PartitionOrder<Lane>, hooks: QueueHooks) {
    this.#deps = deps;
    this.#lanes = lanes;
    this.#order = order;
    this.#hooks = hooks;
  }

  /** Requests not answered yet. */
  get size(): number {
    return this.#requests.size;
  }

  /**
   * Waits for items, and leases them.
   *
   * @throws QueueError `invalid` when a request with the same client id is
   *   still waiting; `retry` when no items came in time.
   */
  lease(clientId: string, limit: number, patience: Patience): Promise<Leased> {
    if (this.#requests.has(clientId)) throw new QueueError('invalid', MESSAGES.duplicateClientId);
    const waiter = new Waiter<Leased>(
      this.#deps.clock,
      patience,
      () => new QueueError('retry', MESSAGES.leaseTimedOut),
      () => this.#forget(request),
    );
    const request: Lease = { clientId, limit, waiter, promised: 0, hand: [] };
    if (waiter.answered) return waiter.answer;
    this.#requests.set(clientId, request);
    this.#idle++;
    // Counts are hints: a request is not sent away, nor left waiting, on their word alone.
    if (!this.#lanes.some((lane) => lane.waiting > 0)) this.suspectAll();
    this.wake();
    return waiter.answer;
  }

  /** Items may have become available. */
  wake(): void {
    if (this.#cycleScheduled || this.#idle === 0) return;
    this.#cycleScheduled = true;
    setImmediate(() => {
      this.#cycleScheduled = false;
      this.#cycle();
    });
  }

  /** Another process may have put items into a partition: looks as soon as somebody wants them. */
  lookInto(lane: Lane): void {
    this.#suspects.add(lane);
    this.wake();
  }

  /** Looks into every partition at the next chance, whatever its count says. */
  suspectAll(): void {
    for (const lane of this.#lanes) this.#suspects.add(lane);
  }

  /** Answers the waiting with `error`; waits until what was being fetched has been put back. */
  async stop(error: QueueError): Promise<void> {
    for (const request of [...this.#requests.values()]) {
      request.waiter.reject(error);
      this.#forget(request);
    }
    if (this.#fetches.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #forget(request: Lease): void {
    if (this.#requests.get(request.clientId) !== request) return;
    this.#requests.delete(request.clientId);
    if (request.promised === 0) this.#idle--;
  }

  /** Plans a fetch for every request that waits and has none, to the fullest partitions that are free. */
  #cycle(): void {
    const planned = new Map<Lane, Fetch>();
    for (const request of this.#requests.values()) {
      if (this.#idle === 0) break;
      if (request.promised > 0) continue;
      const lane = this.#choose(planned);
      if (lane === undefined) break;
      const fetch = planned.get(lane) ?? this.#newFetch(lane);
      planned.set(lane, fetch);
      fetch.requests.push(request);
      fetch.limit += request.limit;
      fetch.expected += lane.leaseStarted(request.limit);
      this.#promise(request);
    }
    for (const [lane, fetch] of planned) {
      this.#fetches.set(lane, fetch);
      this.#suspects.delete(lane);
      void this.#send(lane, fetch);
    }
  }

  #newFetch(lane: Lane): Fetch {
    const surelyServed = this.#suspects.has(lane) ? Number.POSITIVE_INFINITY : lane.waiting;
    return { requests: [], limit: 0, expected: 0, surelyServed, slow: false };
  }

  /** The partition with most items not spoken for; else one whose items may be shared; else one that may have some. */
  #choose(planned: ReadonlyMap<Lane, Fetch>): Lane | undefined {
    const { statementItems } = this.#deps.limits;
    const isFree = (lane: Lane) =>
      !this.#fetches.has(lane) && (planned.get(lane)?.limit ?? 0) < statementItems;
    return (
      this.#order.fullest((lane) => isFree(lane) && lane.waiting > 0) ??
      this.#order.fullest((lane) => {
        const fetch = planned.get(lane);
        return fetch !== undefined && isFree(lane) && fetch.requests.length < fetch.surelyServed;
      }) ??
      this.#order.fullest((lane) => isFree(lane) && this.#suspects.has(lane))
    );
  }

  async #send(lane: Lane, fetch: Fetch): Promise<void> {
    const cancelSlow = this.#deps.clock.startTimer(this.#deps.limits.slowMs, () => {
      fetch.slow = true;
      for (const request of fetch.requests) this.#unpromise(request);
      this.wake();
    });
    let leftOver: readonly LeasedItem[] = [];
    try {
      const items = await lane.store.lease({
        limit: fetch.limit,
        leaseTimeout: this.#hooks.queue().leaseTimeout,
      });
      const cutShort = items.length < fetch.limit && isBudgetSpent(items);
      const emptied = items.length < fetch.limit && !cutShort;
      lane.leaseEnded(fetch.expected, items.length, emptied);
      // Full, and more than was known of: there may be still more. The same where large items cut it short.
      if (cutShort || (!emptied && items.length > fetch.expected)) this.#suspects.add(lane);
      if (items.length > 0) {
        const { observer } = this.#deps;
        observer.items(this.#hooks.queue().name, 'leased', items.length);
        observer.batch('lease', { requests: fetch.requests.length, items: items.length });
        this.#hooks.leased(lane);
      }
      leftOver = this.#handOut(lane, fetch, items);
    } catch (error) {
      lane.leaseFailed(fetch.expected);
      this.#hooks.failed(lane, error);
    }
    cancelSlow();
    if (!fetch.slow) for (const request of fetch.requests) this.#unpromise(request);
    this.wake();
    if (leftOver.length > 0) await this.#putBack(lane, leftOver);
    this.#fetches.delete(lane);
    this.wake();
    if (this.#fetches.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /**
   * Deals items to those they were fetched for, then to whoever else waits.
   *
   * @returns the items nobody takes.
   */
  #handOut(lane: Lane, fetch: Fetch, items: readonly LeasedItem[]): readonly LeasedItem[] {
    const takers = fetch.requests.filter(({ waiter }) => !waiter.answered);
    let dealt = deal(items, takers);
    if (dealt < items.length) {
      const others = [...this.#requests.values()].filter(({ hand }) => hand.length === 0);
      dealt += deal(items.slice(dealt), others);
      takers.push(...others);
    }
    for (const request of takers) {
      if (request.hand.length === 0) continue;
      request.waiter.resolve({ partition: lane.partition, items: request.hand });
      this.#forget(request);
    }
    return items.slice(dealt);
  }

  /** Undoes the lease of items whose consumers left. If that fails, their leases run out. */
  async #putBack(lane: Lane, items: readonly LeasedItem[]): Promise<void> {
    try {
      const waiting = await lane.store.release(items.map(({ id }) => id));
      this.#deps.observer.items(this.#hooks.queue().name, 'released', waiting);
      this.#hooks.stored(lane, { waiting });
    } catch (error) {
      this.#hooks.failed(lane, error);
    }
  }

  #promise(request: Lease): void {
    if (request.promised++ === 0) this.#idle--;
  }

  #unpromise(request: Lease): void {
    if (--request.promised === 0 && this.#requests.get(request.clientId) === request) this.#idle++;
  }
}
