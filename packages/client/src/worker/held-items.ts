import { type CancelTimer, type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { ServerClock } from '../renewal/server-clock.ts';
import type { HeldItem } from './held-item.ts';

/** Dependencies of {@link HeldItems}. */
export interface HeldItemsDeps {
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  /** Brings the lease deadlines up to date. */
  readonly sync: () => void;
  /** Receives each item whose lease has ended. */
  readonly onEnded: (item: HeldItem) => void;
}

/** The shortest time between two looks at the deadlines, in milliseconds: a clock that was set cannot make a busy loop. */
const SHORTEST_PAUSE_MS = 1;

/** The items that the process holds: leased, and without a result at the server. Watches their lease deadlines. */
export class HeldItems {
  readonly #deps: HeldItemsDeps;
  readonly #items = new Set<HeldItem>();
  #cancelTimer: CancelTimer | undefined;
  #timerAt: Instant | undefined;

  constructor(deps: HeldItemsDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#items.size;
  }

  add(item: HeldItem): void {
    this.#items.add(item);
    this.#watch(item.leaseDeadline);
  }

  /** Takes an item out: its result was sent, or its lease has ended. */
  remove(item: HeldItem): void {
    this.#items.delete(item);
  }

  /** Whether the lease of the item runs. */
  isHeld(item: HeldItem): boolean {
    if (this.#items.has(item) && this.#hasPassed(item)) this.#deps.sync();
    return this.#items.has(item) && !this.#hasPassed(item);
  }

  /** Whether the lease of the item is known to run: the server said until when. */
  isKnownHeld(item: HeldItem): boolean {
    return item.leaseDeadline !== undefined && this.isHeld(item);
  }

  #hasPassed({ leaseDeadline }: HeldItem): boolean {
    return leaseDeadline !== undefined && this.#deps.serverClock.hasPassed(leaseDeadline);
  }

  /** Watches no longer. */
  stop(): void {
    this.#stopTimer();
  }

  #watch(deadline: Instant | undefined): void {
    if (deadline === undefined || (this.#timerAt !== undefined && this.#timerAt <= deadline)) return;
    this.#stopTimer();
    this.#timerAt = deadline;
    const delayMs = millisecondsBetween(this.#deps.serverClock.now(), deadline);
    this.#cancelTimer = this.#deps.clock.startTimer(Math.max(delayMs, SHORTEST_PAUSE_MS), () => this.#look());
  }

  #look(): void {
    this.#stopTimer();
    this.#deps.sync();
    let next: Instant | undefined;
    for (const item of this.#items) {
      const { leaseDeadline } = item;
      if (leaseDeadline === undefined) continue;
      if (this.#hasPassed(item)) {
        this.#items.delete(item);
        this.#deps.onEnded(item);
      } else if (next === undefined || leaseDeadline < next) next = leaseDeadline;
    }
    this.#watch(next);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = undefined;
  }
}
