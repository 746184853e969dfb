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
import { isTransient, pauseMsAfter } from '../retry-policy.ts';
import type { Renewal, RenewalReports, RenewedItem } from './renewal.ts';
import type { ServerClock } from './server-clock.ts';

/** Dependencies of {@link LoopRenewal}. */
export interface LoopRenewalDeps<Item extends RenewedItem> extends RenewalReports<Item> {
  readonly port: Pick<QueuePort, 'extend'>;
  readonly queueName: string;
  readonly clock: Clock;
  /** Takes the time that the answers tell. */
  readonly serverClock?: ServerClock | undefined;
  readonly random: Random;
  /** How long a renewed lease lasts. Undefined: as long as the queue's leases. */
  readonly leaseTimeout: Duration | undefined;
  /** Receives the items of a call whose leases have new deadlines. */
  readonly onRenewed?: ((items: readonly Item[]) => void) | undefined;
  /** Called before leases are renewed. Items may be added and removed in it. */
  readonly beforeRenewal?: (() => void) | undefined;
  /** Receives the time of the next renewal, by the local clock. Undefined: none is planned. */
  readonly onTimer?: ((at: Instant | undefined) => void) | undefined;
}

/** The most ids in one call. */
const MOST_IDS = 1_000;
/** Leases that are due within this part of a lease timeout are renewed in the same call. */
const SAME_CALL_PARTS = 8;
/** The shortest time between two looks, in milliseconds. */
const SHORTEST_PAUSE_MS = 1;
const NO_TIME = milliseconds(0);

/** A renewal by timers and calls of the event loop that it runs on. */
export class LoopRenewal<Item extends RenewedItem> implements Renewal<Item> {
  readonly #deps: LoopRenewalDeps<Item>;
  readonly #items = new Set<Item>();
  /** How long the queue's leases last, as far as it was seen. */
  #queueTimeout: Duration | undefined;
  #measuresAgain = false;
  #cancelTimer: CancelTimer | undefined;
  #timerAt: Instant | undefined;
  #failures = 0;

  constructor(deps: LoopRenewalDeps<Item>) {
    this.#deps = deps;
  }

  prepare(): void {}

  async start(): Promise<void> {}

  add(items: readonly Item[]): void {
    for (const item of items) this.#add(item);
  }

  #add(item: Item): void {
    const { leasedFor, renewAt } = item;
    if (leasedFor === undefined || renewAt === undefined) return;
    // A reply that arrived late leaves less than the queue's lease timeout.
    if (this.#queueTimeout === undefined || this.#measuresAgain || leasedFor > this.#queueTimeout) {
      this.#queueTimeout = leasedFor;
      this.#measuresAgain = false;
    }
    this.#items.add(item);
    this.#watch(renewAt);
  }

  remove(item: Item): void {
    this.#items.delete(item);
  }

  sync(): void {
    // The answers are taken when they arrive.
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
    this.#deps.onTimer?.(at);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = undefined;
    this.#deps.onTimer?.(undefined);
  }

  #renewDue(): void {
    this.#stopTimer();
    this.#deps.beforeRenewal?.();
    const timeout = this.#timeout;
    if (timeout === undefined) return;
    const now = this.#deps.clock.now();
    for (const item of this.#items) if (item.renewUntil <= now) this.#items.delete(item);
    const soon = addDuration(now, (timeout / BigInt(SAME_CALL_PARTS)) as Duration);
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
  async #renew(partition: number, items: readonly Item[], leaseTimeout: Duration): Promise<void> {
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
        serverClock?.observe({ sentAt, serverTime: { at, precision: NO_TIME } });
        break;
      }
      // Half of the timeout, counted from before the server could begin it. In microseconds.
      const renewAt = (sentAt + leaseTimeout / 2_000n) as Instant;
      const renewed = items.filter((item) => this.#take(item, extended, renewAt));
      this.#deps.onRenewed?.(renewed);
    } catch (error) {
      this.#failed(error, items);
    }
    this.#watchNext();
  }

  /** @returns whether the lease of the item was renewed. */
  #take(item: Item, extended: Extended, renewAt: Instant): boolean {
    const deadline = extended.get(item.id);
    if (deadline === undefined || !this.#items.has(item)) return false;
    if (!(deadline instanceof QueueError)) {
      item.leaseDeadline = deadline;
      item.renewAt = renewAt;
      return true;
    }
    // Beyond its longest time a lease stays as it is, and ends by itself.
    if (deadline.reason === 'over_limit') this.#items.delete(item);
    else if (isGone(deadline)) this.#lose(item);
    else this.#tryLater([item]);
    return false;
  }

  #lose(item: Item): void {
    this.#items.delete(item);
    this.#deps.onLost(item);
  }

  #failed(error: unknown, items: readonly Item[]): void {
    this.#failures++;
    this.#deps.onError(error);
    // The queue may have other settings now. The next lease tells its timeout.
    if (!isTransient(error)) this.#measuresAgain = true;
    this.#tryLater(items, pauseMsAfter(error, this.#failures, this.#deps.random));
  }

  /** Pauses so briefly that several attempts remain before the leases end. */
  #tryLater(items: readonly Item[], pauseMs = Number.POSITIVE_INFINITY): void {
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
