import {
  type CancelTimer,
  isBudgetSpent,
  type LeaseBatch,
  type LeasedItem,
  MESSAGES,
  millisecondsBetween,
  QueueError,
  toMilliseconds,
} from '@querator/core';
import type { PartitionOrder } from '@querator/router';
import type { EngineDeps } from '../engine-options.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { type Patience, Waiter } from '../waiting/pending-request.ts';
import { type Lease, type Leased, LeaseRequests } from './lease-requests.ts';
import { type Slot, StatementSlots } from './statements-in-flight.ts';

/** A statement that takes less is merely slow, however short the leases: the process is taken to have slept after more. */
const SHORTEST_SLEEP_MS = 1_000;

/** One statement that takes items for the requests it was sent for. */
interface Fetch {
  /** Counts fetches in the order in which they are sent. */
  readonly number: number;
  readonly requests: Lease[];
  limit: number;
  /** How many of the partition's known items it is expected to take. */
  expected: number;
  readonly arrivalsBefore: number;
  /** Items are dealt one at a time, so this many requests are sure to get one. */
  readonly surelyServed: number;
  /** Has it taken so long that its requests may be served from elsewhere? */
  slow: boolean;
}

/** Consumers that are to get items which are only just being produced. */
export interface Reservation {
  readonly batch: LeaseBatch;
  /** These were leased for them. Has to be called, with nothing where the produce failed. */
  end(items: readonly LeasedItem[]): void;
}

/**
 * Serves consumers. Requests wait in order of arrival; whenever a partition is
 * known or suspected to hold items, one statement takes items for all of them,
 * and what it brings is dealt round among those still there. A request is
 * bound to a partition only by what it gets, never while it waits, so a slow
 * partition holds nobody back for long.
 *
 * Consumers who wait while nothing is there are given items with the very
 * statement that produces them (`reserve`).
 */
export class LeaseLoop {
  readonly #deps: EngineDeps;
  readonly #lanes: readonly Lane[];
  readonly #order: PartitionOrder<Lane>;
  readonly #hooks: QueueHooks;
  readonly #requests = new LeaseRequests();
  /** How many fetches there have been. */
  #fetches = 0;
  /** Those under way. */
  readonly #slots: StatementSlots;
  /** Partitions that may hold items nobody told this process of. */
  readonly #suspects = new Set<Lane>();
  /**
   * Partitions that are asked for nothing more for now, and for how many
   * statements: those under way that are slow, and those whose items are being
   * put back. Another one would bring what comes behind theirs.
   */
  readonly #closed = new Map<Lane, number>();
  #cycleScheduled = false;
  #cancelLookAgain: CancelTimer | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(deps: EngineDeps, lanes: readonly Lane[], order: PartitionOrder<Lane>, hooks: QueueHooks) {
    this.#deps = deps;
    this.#lanes = lanes;
    this.#order = order;
    this.#hooks = hooks;
    this.#slots = new StatementSlots(deps.clock, deps.limits);
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
      () => this.#requests.forget(request),
    );
    const request: Lease = { clientId, limit, waiter, promisedBy: undefined, hand: [] };
    if (waiter.answered) return waiter.answer;
    this.#requests.add(request);
    // Counts are hints: a request is not sent away, nor left waiting, on their word alone.
    if (!this.#lanes.some((lane) => lane.waiting > 0)) this.#lookAgain(patience.timeoutMs);
    this.wake();
    return waiter.answer;
  }

  /** Items may have become available. */
  wake(): void {
    if (this.#cycleScheduled || this.#requests.idle === 0) return;
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

  /**
   * Sets waiting consumers aside for items that are about to be stored in a
   * partition, unless older items wait there, as far as is known.
   *
   * @param items how many will be stored.
   */
  reserve(lane: Lane, items: number): Reservation | undefined {
    if (this.#requests.idle === 0 || lane.waiting > 0) return undefined;
    // The slots know of slow statements by the clock, and timers may fire before its time.
    if (this.#slots.isFull(lane) || this.#closed.has(lane)) return undefined;
    const fetch = this.#newFetch(lane);
    for (const request of this.#requests.allIdle()) {
      if (fetch.requests.length === items) break;
      fetch.requests.push(request);
      fetch.limit += request.limit;
      this.#requests.promise(request, fetch.number);
    }
    if (fetch.requests.length === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<readonly LeasedItem[]>();
    void this.#serve(lane, fetch, items, () => promise);
    const sentAt = this.#deps.clock.now();
    const end = (leased: readonly LeasedItem[]) => {
      // Where something waits none is leased. Then others have put in what this process does not know of.
      lane.foundEmpty(leased.length > 0 ? sentAt : undefined);
      resolve(leased);
    };
    const { leaseTimeout } = this.#hooks.queue();
    return { batch: { limit: Math.min(fetch.limit, items), leaseTimeout }, end };
  }

  /** Answers the waiting with `error`; waits until what was being fetched has been put back. */
  async stop(error: QueueError): Promise<void> {
    this.#cancelLookAgain?.();
    for (const request of this.#requests.all()) {
      request.waiter.reject(error);
      this.#requests.forget(request);
    }
    if (this.#slots.any) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /**
   * Looks into all partitions, those that were just found empty a little
   * later: where consumers come and go by the thousand, what they wait for is
   * handed to them before that.
   *
   * @param withinMs one who waits no longer than that is not put off.
   */
  #lookAgain(withinMs: number): void {
    const { clock, limits } = this.#deps;
    const now = clock.now();
    const isFresh = ({ foundEmptyAt }: Lane) =>
      withinMs > 2 * limits.emptyMs &&
      foundEmptyAt !== undefined &&
      millisecondsBetween(foundEmptyAt, now) < limits.emptyMs;
    const fresh = this.#lanes.filter(isFresh);
    for (const lane of this.#lanes) if (!isFresh(lane)) this.#suspects.add(lane);
    if (fresh.length === 0 || this.#cancelLookAgain !== undefined) return;
    this.#cancelLookAgain = clock.startTimer(limits.emptyMs, () => {
      this.#cancelLookAgain = undefined;
      if (this.#requests.idle === 0) return;
      this.suspectAll();
      this.wake();
    });
  }

  /** Plans a fetch for every request that waits and has none, to the fullest partitions that are free. */
  #cycle(): void {
    const planned = new Map<Lane, Fetch>();
    let wanted = 0;
    for (const { limit } of this.#requests.allIdle()) wanted += limit;
    for (const request of this.#requests.allIdle()) {
      const lane = this.#choose(planned, wanted);
      if (lane === undefined) break;
      const fetch = planned.get(lane) ?? this.#newFetch(lane);
      planned.set(lane, fetch);
      fetch.requests.push(request);
      fetch.limit += request.limit;
      fetch.expected += lane.leaseStarted(request.limit);
      this.#requests.promise(request, fetch.number);
    }
    for (const [lane, fetch] of planned) {
      this.#suspects.delete(lane);
      void this.#serve(lane, fetch, fetch.expected, () => this.#lease(lane, fetch));
    }
    // The next cycle comes when a statement ends. Nobody knows when that will be where none is under way, where one is slow,
    // and while items are being put back.
    if (!this.#slots.any || this.#closed.size > 0) {
      for (const { waiter } of this.#requests.allIdle()) waiter.listen();
    }
  }

  #newFetch(lane: Lane): Fetch {
    const surelyServed = this.#suspects.has(lane) ? Number.POSITIVE_INFINITY : lane.waiting;
    const arrivalsBefore = lane.arrivalsBefore();
    return {
      number: ++this.#fetches,
      requests: [],
      limit: 0,
      expected: 0,
      arrivalsBefore,
      surelyServed,
      slow: false,
    };
  }

  /**
   * The partition with most items not spoken for; else one whose items may be
   * shared; else one that may have some.
   *
   * @param wanted items, by all requests of the cycle.
   */
  #choose(planned: ReadonlyMap<Lane, Fetch>, wanted: number): Lane | undefined {
    const { statementItems } = this.#deps.limits;
    // Where a statement is slow, a second one for the same consumer would bring later items, and perhaps earlier. The
    // slots know that too, but by the clock, and timers may fire before its time.
    const isFree = (lane: Lane) =>
      !this.#slots.isFullFor(wanted, lane) &&
      !this.#closed.has(lane) &&
      (planned.get(lane)?.limit ?? 0) < statementItems;
    return (
      this.#order.fullest((lane) => isFree(lane) && lane.waiting > 0) ??
      this.#order.fullest((lane) => {
        const fetch = planned.get(lane);
        return fetch !== undefined && isFree(lane) && fetch.requests.length < fetch.surelyServed;
      }) ??
      // One look at a time: a second would find what the first leaves, which is nothing.
      this.#order.fullest((lane) => isFree(lane) && this.#suspects.has(lane) && !this.#slots.has(lane))
    );
  }

  /**
   * Keeps count of a fetch while it is under way, and hands out what it brings.
   *
   * @param written so many items its statement will write, as far as is known.
   */
  async #serve(
    lane: Lane,
    fetch: Fetch,
    written: number,
    take: () => Promise<readonly LeasedItem[]>,
  ): Promise<void> {
    const slot = this.#slots.take(lane, fetch.limit, written);
    const sentAt = this.#deps.clock.now();
    const stillGoodMs = Math.max(toMilliseconds(this.#hooks.queue().leaseTimeout), SHORTEST_SLEEP_MS);
    const cancelSlow = this.#deps.clock.startTimer(slot.slowAfterMs, () => {
      fetch.slow = true;
      this.#close(lane);
      for (const request of fetch.requests) this.#requests.unpromise(request);
      this.wake();
    });
    const items = await take();
    if (items.length > 0) this.#hooks.leased(lane, items.length, fetch.requests.length);
    // A process that slept meanwhile holds leases that have run out: others may have the items by now.
    const isStillGood = millisecondsBetween(sentAt, this.#deps.clock.now()) < stillGoodMs;
    const leftOver = isStillGood ? this.#requests.handOut(lane.partition, items, fetch) : items;
    cancelSlow();
    if (!fetch.slow) for (const request of fetch.requests) this.#requests.unpromise(request);
    if (leftOver.length > 0) this.#close(lane);
    this.wake();
    if (leftOver.length > 0) await this.#putBack(lane, leftOver);
    if (leftOver.length > 0) this.#reopen(lane);
    if (fetch.slow) this.#reopen(lane);
    this.#ended(slot);
    this.wake();
  }

  #close(lane: Lane): void {
    this.#closed.set(lane, (this.#closed.get(lane) ?? 0) + 1);
  }

  #reopen(lane: Lane): void {
    const others = (this.#closed.get(lane) ?? 1) - 1;
    if (others === 0) this.#closed.delete(lane);
    else this.#closed.set(lane, others);
  }

  #ended(slot: Slot): void {
    this.#slots.giveBack(slot);
    if (!this.#slots.any) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** @returns nothing where storage fails. */
  async #lease(lane: Lane, fetch: Fetch): Promise<readonly LeasedItem[]> {
    const sentAt = this.#deps.clock.now();
    const { leaseTimeout } = this.#hooks.queue();
    try {
      const items = await lane.store.lease({ limit: fetch.limit, leaseTimeout });
      const cutShort = items.length < fetch.limit && isBudgetSpent(items);
      const emptied = items.length < fetch.limit && !cutShort;
      lane.leaseEnded(fetch, items.length, emptied ? sentAt : undefined);
      // Full, and more than was known of: there may be still more. The same where large items cut it short.
      if (cutShort || (!emptied && items.length > fetch.expected)) this.#suspects.add(lane);
      return items;
    } catch (error) {
      lane.leaseFailed(fetch.expected);
      this.#hooks.failed(lane, error);
      return [];
    }
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
}
