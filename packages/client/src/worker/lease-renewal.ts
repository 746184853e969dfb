import {
  addDuration,
  type CancelTimer,
  type Clock,
  type Duration,
  type Instant,
  milliseconds,
  millisecondsBetween,
  QueueError,
  type Random,
  toMilliseconds,
} from '@querator/core';
import type { Extended, QueuePort } from '../port/queue-port.ts';
import { backOffMs, isTransient } from '../retry-policy.ts';
import type { HeldItem } from './held-item.ts';
import type { ServerClock } from './server-clock.ts';

/** Dependencies of {@link LeaseRenewal}. */
export interface LeaseRenewalDeps {
  readonly port: QueuePort;
  readonly queueName: string;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  /** How long a renewed lease lasts. Undefined: as long as the queue's leases. */
  readonly leaseTimeout: Duration | undefined;
  /** Receives each failed call. Never throws. */
  readonly onError: (error: unknown) => void;
  /** Receives each item that the server no longer holds for this consumer. */
  readonly onLost: (item: HeldItem) => void;
}

/** The most ids in one call. */
const MOST_IDS = 1_000;
/** Leases that are due within this part of a lease timeout are renewed in the same call. */
const SAME_CALL_PARTS = 8;
/** The shortest time between two looks, in milliseconds. */
const SHORTEST_PAUSE_MS = 1;
const NO_TIME = milliseconds(0);

/**
 * Renews the leases of the items that the process holds, each when half of its
 * time has passed.
 */
export class LeaseRenewal {
  readonly #deps: LeaseRenewalDeps;
  readonly #items = new Set<HeldItem>();
  /** How long the queue's leases last, as far as it was seen. */
  #queueTimeout: Duration | undefined;
  #measuresAgain = false;
  #cancelTimer: CancelTimer | undefined;
  #timerAt: Instant | undefined;
  #failures = 0;

  constructor(deps: LeaseRenewalDeps) {
    this.#deps = deps;
  }

  /** Takes an item that was just leased. */
  add(item: HeldItem): void {
    const { leaseDeadline } = item;
    if (leaseDeadline === undefined) return;
    const { clock, serverClock } = this.#deps;
    const leftUs = leaseDeadline - serverClock.now();
    if (leftUs <= 0n) return;
    const left = (leftUs * 1_000n) as Duration;
    // A reply that arrived late leaves less than the queue's lease timeout.
    if (this.#queueTimeout === undefined || this.#measuresAgain || left > this.#queueTimeout) {
      this.#queueTimeout = left;
      this.#measuresAgain = false;
    }
    item.renewAt = (clock.now() + leftUs / 2n) as Instant;
    this.#items.add(item);
    this.#watch(item.renewAt);
  }

  /** Renews the lease of an item no longer. */
  remove(item: HeldItem): void {
    this.#items.delete(item);
  }

  stop(): void {
    this.#items.clear();
    this.#stopTimer();
  }

  #watch(at: Instant): void {
    if (this.#timerAt !== undefined && this.#timerAt <= at) return;
    this.#stopTimer();
    const { clock } = this.#deps;
    this.#timerAt = at;
    const delayMs = millisecondsBetween(clock.now(), at);
    this.#cancelTimer = clock.startTimer(Math.max(delayMs, SHORTEST_PAUSE_MS), () => this.#renewDue());
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = undefined;
  }

  #renewDue(): void {
    this.#stopTimer();
    const timeout = this.#timeout;
    if (timeout === undefined) return;
    const soon = addDuration(this.#deps.clock.now(), (timeout / BigInt(SAME_CALL_PARTS)) as Duration);
    const due = [...this.#items].filter(({ renewAt }) => renewAt !== undefined && renewAt <= soon);
    for (const [partition, items] of Map.groupBy(due, (item) => item.partition)) {
      for (let start = 0; start < items.length; start += MOST_IDS) {
        void this.#renew(partition, items.slice(start, start + MOST_IDS), timeout);
      }
    }
    this.#watchNext();
  }

  get #timeout(): Duration | undefined {
    return this.#deps.leaseTimeout ?? this.#queueTimeout;
  }

  #watchNext(): void {
    let next: Instant | undefined;
    for (const { renewAt } of this.#items) {
      if (renewAt !== undefined && (next === undefined || renewAt < next)) next = renewAt;
    }
    if (next !== undefined) this.#watch(next);
  }

  /** Renews the leases of items of one partition. Never rejects. */
  async #renew(partition: number, items: readonly HeldItem[], leaseTimeout: Duration): Promise<void> {
    const { port, queueName, clock, serverClock } = this.#deps;
    if (port.extend === undefined) return this.#tryLater(items);
    // None is due again until the answer is here.
    for (const item of items) item.renewAt = undefined;
    const sentAt = clock.now();
    try {
      const extended = await port.extend({
        ...{ queueName, partition, leaseTimeout },
        ids: items.map(({ id }) => id),
      });
      this.#failures = 0;
      for (const deadline of extended.values()) {
        if (deadline instanceof QueueError) continue;
        const at = addDuration(deadline, -leaseTimeout as Duration);
        serverClock.observe({ sentAt, serverTime: { at, precision: NO_TIME } });
        break;
      }
      // Half of the timeout, counted from before the server could begin it. In microseconds.
      const renewAt = (sentAt + leaseTimeout / 2_000n) as Instant;
      for (const item of items) this.#take(item, extended, renewAt);
    } catch (error) {
      this.#failed(error, items);
    }
    this.#watchNext();
  }

  #take(item: HeldItem, extended: Extended, renewAt: Instant): void {
    const deadline = extended.get(item.id);
    if (deadline === undefined || !this.#items.has(item)) return;
    if (!(deadline instanceof QueueError)) {
      item.leaseDeadline = deadline;
      item.renewAt = renewAt;
      return;
    }
    // Beyond its longest time a lease stays as it is, and ends by itself.
    if (deadline.reason === 'over_limit') this.#items.delete(item);
    else if (isGone(deadline)) this.#lose(item);
    else this.#tryLater([item]);
  }

  #lose(item: HeldItem): void {
    this.#items.delete(item);
    item.isLost = true;
    this.#deps.onLost(item);
  }

  #failed(error: unknown, items: readonly HeldItem[]): void {
    this.#failures++;
    this.#deps.onError(error);
    // The queue may have other settings now. The next lease tells its timeout.
    if (!isTransient(error)) this.#measuresAgain = true;
    this.#tryLater(items, backOffMs(this.#failures, this.#deps.random));
  }

  /** Pauses so briefly that several attempts remain before the leases end. */
  #tryLater(items: readonly HeldItem[], pauseMs = Number.POSITIVE_INFINITY): void {
    const mostMs = toMilliseconds(this.#timeout ?? NO_TIME) / SAME_CALL_PARTS;
    const at = addDuration(this.#deps.clock.now(), milliseconds(Math.min(pauseMs, mostMs)));
    for (const item of items) item.renewAt = at;
    this.#watchNext();
  }
}

/** Whether the item is certainly not this consumer's any more. */
function isGone({ reason }: QueueError): boolean {
  return reason === 'lease_lost' || reason === 'not_leased' || reason === 'no_such_item';
}
