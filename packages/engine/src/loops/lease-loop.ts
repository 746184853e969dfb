import process from 'node:process';
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
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import { beginStatement } from '../tracer.ts';
import { PendingRequest, type WaitOptions } from '../waiting/pending-request.ts';
import { longestHandOutMs, mayPutOff } from './batching-policy.ts';
import type { Consumers } from './consumer-wait.ts';
import { Gathering } from './gathering.ts';
import { addTo, type LeasePlan, mayJoin, newPlan } from './lease-plan.ts';
import { kindOf, type Leased, LeaseRequests, type LeaseWishes, type PendingLease } from './lease-requests.ts';
import { NearConsumers } from './near-consumers.ts';
import { PartitionSearch } from './partition-search.ts';
import { StatementsInFlight } from './statements-in-flight.ts';

/** Consumers that receive items with the statement that produces them. */
export interface Reservation {
  readonly batch: LeaseBatch;
  readonly consumers: readonly PendingLease[];
  /** Must be called with the leased items, with none if the produce failed. */
  end(items: readonly LeasedItem[]): void;
}

/**
 * Serves consumers. Requests wait in order of arrival. When a partition holds
 * items, or may hold some, one statement leases for all requests. Its items are
 * distributed among the requests still pending. A waiting request is bound to no
 * partition, so a slow partition does not hold it back.
 *
 * Consumers that wait at an empty queue receive items with the statement that
 * produces them (`reserve`).
 */
export class LeaseLoop {
  readonly #deps: EngineDeps;
  readonly #partitions: readonly PartitionState[];
  readonly #order: PartitionOrder<PartitionState>;
  readonly #hooks: QueueHooks;
  readonly #requests = new LeaseRequests();
  #plans = 0;
  readonly #statements: StatementsInFlight;
  /**
   * Partitions where items are being released, and in how many statements. A
   * lease there would take items that come after those.
   */
  readonly #releasing = new Map<PartitionState, number>();
  readonly #near: NearConsumers;
  #cycleScheduled = false;
  #cancelPollAgain: CancelTimer | undefined;

  constructor(
    deps: EngineDeps,
    partitions: readonly PartitionState[],
    order: PartitionOrder<PartitionState>,
    hooks: QueueHooks,
  ) {
    this.#deps = deps;
    this.#partitions = partitions;
    this.#order = order;
    this.#hooks = hooks;
    this.#statements = new StatementsInFlight(deps.clock, deps.limits);
    this.#near = new NearConsumers(deps.clock);
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#requests.size;
  }

  /**
   * Waits for items, and leases them.
   *
   * @throws QueueError `invalid` when a request with the same client id is
   *   pending; `retry` when no items came in time.
   */
  lease(wishes: LeaseWishes, options: WaitOptions): Promise<Leased> {
    if (this.#requests.has(wishes.clientId)) throw new QueueError('invalid', MESSAGES.duplicateClientId);
    const pending = new PendingRequest<Leased>(
      this.#deps.clock,
      options,
      () => new QueueError('retry', MESSAGES.leaseTimedOut),
      () => this.#requests.forget(request),
    );
    const gathering = wishes.gather && new Gathering(this.#deps.clock, wishes.gather, () => this.wake());
    const kind = kindOf(wishes);
    const request: PendingLease = {
      ...wishes,
      pending,
      gathering,
      kind,
      promisedBy: undefined,
      assigned: [],
    };
    if (pending.answered) return pending.answer;
    this.#requests.add(request);
    // Counts are hints. A request does not wait because of them alone.
    if (!this.#partitions.some(({ waiting }) => waiting > 0)) this.#pollAgain(options.timeoutMs);
    this.wake();
    this.#near.changed();
    return pending.answer;
  }

  /** Items may have become available. */
  wake(): void {
    if (this.#cycleScheduled || this.#requests.idle === 0) return;
    this.#cycleScheduled = true;
    setImmediate(() => {
      this.#cycleScheduled = false;
      if (this.#hooks.leasesStopped()) this.#listenToIdle();
      else this.#cycle();
    });
  }

  /** Another process may have stored items in a partition. Leases from it when a request is pending. */
  mayHoldItems(partition: PartitionState): void {
    partition.mayHoldItems = true;
    this.wake();
  }

  /** Every partition may hold items, whatever its count says. Does not wake the loop. */
  allMayHoldItems(): void {
    for (const partition of this.#partitions) partition.mayHoldItems = true;
  }

  /**
   * Reserves idle consumers for items that are about to be stored in a
   * partition. Undefined if older items are known to wait there.
   *
   * @param items how many will be stored.
   */
  reserve(partition: PartitionState, items: number): Reservation | undefined {
    if (!this.#canReserve(partition)) return undefined;
    let plan: LeasePlan | undefined;
    for (const request of this.#requests.allIdle()) {
      if (plan?.requests.length === items || plan?.isForOne === true) break;
      if (request.gathering?.holdsOut === true && request.gathering.minItems > items) continue;
      if (!mayJoin(plan, request) || lacksDetails(partition, request)) continue;
      plan ??= newPlan(++this.#plans, partition, request);
      addTo(plan, request);
      this.#requests.promise(request, plan.number);
    }
    if (plan === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<readonly LeasedItem[]>();
    void this.#serve(partition, plan, items, () => promise);
    const sentAt = this.#deps.clock.now();
    const end = (leased: readonly LeasedItem[]) => {
      // The statement leases nothing if items wait. Then other processes have stored them.
      partition.foundEmpty(leased.length > 0 ? sentAt : undefined);
      // Once the producers are answered: their next items are what these consumers will ask for.
      process.nextTick(() => resolve(leased));
    };
    const { details, leaseTimeout = this.#hooks.queue().leaseTimeout } = plan;
    return {
      batch: { limit: Math.min(plan.limit, items), leaseTimeout, details },
      consumers: plan.requests,
      end,
    };
  }

  #canReserve(partition: PartitionState): boolean {
    if (this.#requests.idle === 0 || partition.waiting > 0 || this.#hooks.leasesStopped()) return false;
    return !this.#statements.isFull(partition) && !this.#releasing.has(partition);
  }

  /** The consumers of a partition, for produces that can wait for them. */
  consumersOf(partition: PartitionState): Consumers {
    const isLeasing = () => this.#statements.has(partition);
    return {
      isReady: () => this.#canReserve(partition) && !isLeasing(),
      areNear: () => this.#near.areNear || isLeasing(),
      leaseMs: () => this.#near.leaseMs,
      whenChanged: (callback) => this.#near.whenChanged(callback),
    };
  }

  /** Answers pending requests with `error`, and waits until leased items are released. */
  async stop(error: QueueError): Promise<void> {
    this.#cancelPollAgain?.();
    for (const request of this.#requests.all()) {
      request.pending.reject(error);
      this.#requests.forget(request);
    }
    await this.#statements.idle();
  }

  /**
   * Marks all partitions as perhaps holding items. Puts off those that were just
   * found empty. Thousands of consumers may come and go, and most receive items
   * before the delay ends.
   *
   * @param withinMs how long the request waits. A short wait is not put off.
   */
  #pollAgain(withinMs: number): void {
    const { clock, limits } = this.#deps;
    const now = clock.now();
    const isFresh = ({ foundEmptyAt }: PartitionState) =>
      mayPutOff(withinMs, limits) &&
      foundEmptyAt !== undefined &&
      millisecondsBetween(foundEmptyAt, now) < limits.emptyMs;
    const fresh = this.#partitions.filter(isFresh);
    for (const partition of this.#partitions) if (!isFresh(partition)) partition.mayHoldItems = true;
    if (fresh.length === 0 || this.#cancelPollAgain !== undefined) return;
    this.#cancelPollAgain = clock.startTimer(limits.emptyMs, () => {
      this.#cancelPollAgain = undefined;
      if (this.#requests.idle === 0) return;
      this.allMayHoldItems();
      this.wake();
    });
  }

  /** Plans a statement for every idle request, to the fullest partitions that are free. */
  #cycle(): void {
    const planned = new Map<PartitionState, LeasePlan>();
    let wanted = 0;
    for (const { limit } of this.#requests.allIdle()) wanted += limit;
    const search = new PartitionSearch();
    for (const request of this.#requests.allIdle()) {
      const partition = search.isInVain(request) ? undefined : this.#choose(planned, wanted, request);
      if (partition === undefined) {
        if (request.kind === undefined) break;
        search.failed(request);
        this.#somethingMayBeThere(request, search);
        continue;
      }
      const plan = planned.get(partition) ?? newPlan(++this.#plans, partition, request);
      planned.set(partition, plan);
      addTo(plan, request);
      plan.expected += partition.leaseStarted(request.limit);
      this.#requests.promise(request, plan.number);
    }
    for (const [partition, plan] of planned) {
      partition.mayHoldItems = false;
      void this.#serve(partition, plan, plan.expected, () => this.#lease(partition, plan));
    }
    // The end of a statement starts the next cycle. That time is unknown if no statement is in flight, if one is
    // slow, or while items are released. Then the requests need abort listeners.
    if (!this.#statements.any || this.#statements.anySlow || this.#releasing.size > 0) this.#listenToIdle();
  }

  #listenToIdle(): void {
    for (const { pending } of this.#requests.allIdle()) pending.listen();
  }

  /** A request that gathers items starts to count its longest wait once any item is there. */
  #somethingMayBeThere({ gathering }: PendingLease, search: PartitionSearch): void {
    if (gathering?.holdsOut !== true) return;
    search.anyItems ??= this.#partitions.some(({ waiting, mayHoldItems }) => waiting > 0 || mayHoldItems);
    if (search.anyItems) gathering.somethingIsThere();
  }

  /**
   * The free partition with most items that are promised to no request. If there
   * is none, one whose items may be shared, or else one that may hold items. One
   * that is to leave comes first. A request that waits for many items gets a
   * partition that holds them, or none.
   *
   * @param wanted items, by all requests of the cycle.
   */
  #choose(
    planned: ReadonlyMap<PartitionState, LeasePlan>,
    wanted: number,
    request: PendingLease,
  ): PartitionState | undefined {
    const { statementItems } = this.#deps.limits;
    // A second statement beside a slow one would bring later items, perhaps earlier. `isFullFor` refuses it.
    const isFree = (partition: PartitionState) =>
      !lacksDetails(partition, request) &&
      !this.#statements.isFullFor(wanted, partition) &&
      !this.#releasing.has(partition) &&
      (planned.get(partition)?.limit ?? 0) < statementItems &&
      mayJoin(planned.get(partition), request);
    const { gathering } = request;
    if (gathering?.holdsOut === true) {
      return this.#order.fullest((partition) => isFree(partition) && partition.waiting >= gathering.minItems);
    }
    // One statement at a time: a second one would find what the first one leaves, which is nothing.
    const mayHold = (partition: PartitionState) =>
      isFree(partition) && partition.mayHoldItems && !this.#statements.has(partition);
    // Those with the highest numbers leave.
    const someLeave = this.#partitions.at(-1)?.leaves === true;
    return (
      (someLeave ? this.#order.fullest((partition) => partition.leaves && mayHold(partition)) : undefined) ??
      this.#order.fullest((partition) => isFree(partition) && partition.waiting > 0) ??
      this.#order.fullest((partition) => {
        const plan = planned.get(partition);
        return plan !== undefined && isFree(partition) && plan.requests.length < plan.surelyServed;
      }) ??
      this.#order.fullest(mayHold)
    );
  }

  /**
   * Tracks a statement while it is in flight, and distributes its items.
   *
   * @param written how many items the statement will write, as far as is known.
   */
  async #serve(
    partition: PartitionState,
    plan: LeasePlan,
    written: number,
    take: () => Promise<readonly LeasedItem[]>,
  ): Promise<void> {
    const statement = this.#statements.start(partition, { items: plan.limit, written }, () => {
      for (const request of plan.requests) this.#requests.unpromise(request);
      this.wake();
    });
    const sentAt = this.#deps.clock.now();
    const { leaseTimeout = this.#hooks.queue().leaseTimeout } = plan;
    const longestMs = longestHandOutMs(toMilliseconds(leaseTimeout));
    const items = await take();
    if (items.length > 0) {
      this.#near.served();
      this.#hooks.leased(partition, { items: items.length, requests: plan.requests.length, leaseTimeout });
    }
    // After a suspension of the process the leases may have ended, and other consumers may have the items.
    const isStillGood = millisecondsBetween(sentAt, this.#deps.clock.now()) < longestMs;
    const leftOver = isStillGood ? this.#requests.assignItems(partition.number, items, plan) : items;
    this.#statements.returned(statement);
    if (!statement.isSlow) for (const request of plan.requests) this.#requests.unpromise(request);
    if (leftOver.length > 0) this.#releaseStarted(partition);
    this.wake();
    if (leftOver.length > 0) await this.#release(partition, leftOver);
    if (leftOver.length > 0) this.#releaseEnded(partition);
    this.#statements.end(statement);
    this.wake();
    this.#near.changed();
  }

  #releaseStarted(partition: PartitionState): void {
    this.#releasing.set(partition, (this.#releasing.get(partition) ?? 0) + 1);
  }

  #releaseEnded(partition: PartitionState): void {
    const others = (this.#releasing.get(partition) ?? 1) - 1;
    if (others === 0) this.#releasing.delete(partition);
    else this.#releasing.set(partition, others);
  }

  /** @returns no items if storage fails. */
  async #lease(partition: PartitionState, plan: LeasePlan): Promise<readonly LeasedItem[]> {
    const sentAt = this.#deps.clock.now();
    const { limit, details, leaseTimeout = this.#hooks.queue().leaseTimeout } = plan;
    const { tracer } = this.#deps;
    const queue = this.#hooks.queue().name;
    const ended =
      tracer && beginStatement(tracer, { operation: 'lease', queue, partition, items: limit }, plan.requests);
    try {
      const items = await partition.store.lease({ limit, leaseTimeout, details });
      ended?.(undefined);
      if (items.length > 0) this.#near.leased(sentAt);
      const cutShort = items.length < plan.limit && isBudgetSpent(items);
      const emptied = items.length < plan.limit && !cutShort;
      partition.leaseEnded(plan, items.length, emptied ? sentAt : undefined);
      // The answer was full, and more than was known of; or large items cut it short. More may wait.
      if (cutShort || (!emptied && items.length > plan.expected)) partition.mayHoldItems = true;
      return items;
    } catch (error) {
      ended?.(error);
      partition.leaseFailed(plan.expected);
      this.#hooks.failed(partition, error);
      return [];
    }
  }

  /** Releases items whose consumers left. If that fails, their leases end by themselves. */
  async #release(partition: PartitionState, items: readonly LeasedItem[]): Promise<void> {
    try {
      const waiting = await partition.store.release(items.map(({ id }) => id));
      this.#deps.observer.items(this.#hooks.queue().name, 'released', waiting);
      this.#hooks.stored(partition, { waiting });
    } catch (error) {
      this.#hooks.failed(partition, error);
    }
  }
}

/** Whether the partition has no details for a request that asks for them. */
function lacksDetails({ keepsMetadata }: PartitionState, { details }: PendingLease): boolean {
  return details && !keepsMetadata;
}
