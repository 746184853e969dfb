import { type CancelTimer, type Clock, type Instant, millisecondsBetween } from '@querator/core';
import { consumerWaitMs, MOST_ITEMS_THAT_WAIT } from './batching-policy.ts';

/** The consumers of a partition, as a produce loop sees them. */
export interface Consumers {
  /** Whether items that are stored now would be leased by the same statement. */
  readonly isReady: () => boolean;
  /** Whether consumers are probably about to ask for items. */
  readonly areNear: () => boolean;
  /** How long a statement that leases items takes, in milliseconds. 0: not known. */
  readonly leaseMs: () => number;
  /** Calls back once, when `isReady` may have changed. */
  readonly whenChanged: (callback: () => void) => void;
}

/** The part of a saved lease that waits may take. */
const SHARE = 1 / 2;
/** The same for a statement without consumers: after a wait in vain, hundreds of them follow without one. */
const MISSED_SHARE = 1 / 64;
/**
 * How long waits may last before any has paid, and the most that they may have to their
 * credit, in milliseconds: enough for a few waits in vain. A client that has just started
 * is slow at first.
 */
const CREDIT = { firstMs: 25, mostMs: 25 };
/** Statements that do not wait after a wait in vain. Their number doubles with each further one. */
const PASSED = { first: 4, most: 64 };

/**
 * Lets a produce wait briefly for consumers that are about to ask for items. If they
 * come, the statement that stores the items leases them too, which saves a statement
 * (ADR 36).
 *
 * Without it, producers and consumers that take turns can stay out of step: the
 * consumers ask when the items of one statement are stored, and while they lease them,
 * the next ones are stored, which so need a lease of their own. Once in step they stay
 * so, because both are answered at the same time. So most waits are short. They may take
 * half of the time of the leases that they save.
 */
export class ConsumerWait {
  readonly #clock: Clock;
  readonly #consumers: Consumers;
  readonly #onChange: () => void;
  /** How long waits may last, in milliseconds. */
  #creditMs = CREDIT.firstMs;
  /** Statements that do not wait from now on, and after the next wait in vain. */
  #passing = 0;
  #nextPassed = PASSED.first;
  #cancelTimer: CancelTimer | undefined;
  #since: Instant | undefined;

  /** @param onChange called when `holds` may give another answer. */
  constructor(clock: Clock, consumers: Consumers, onChange: () => void) {
    this.#clock = clock;
    this.#consumers = consumers;
    this.#onChange = onChange;
  }

  /** Whether a statement with so many items has to wait. Asked before each statement, and after each change. */
  holds(items: number): boolean {
    const isReady = this.#consumers.isReady();
    if (isReady || items > MOST_ITEMS_THAT_WAIT) {
      this.stop();
      if (isReady) this.#paid();
      return false;
    }
    if (this.#since === undefined && !this.#begins()) {
      if (this.#passing > 0) this.#passing--;
      this.#earn(MISSED_SHARE);
      return false;
    }
    this.#consumers.whenChanged(this.#onChange);
    return true;
  }

  /** Waits no longer. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#since === undefined) return;
    this.#creditMs -= millisecondsBetween(this.#since, this.#clock.now());
    this.#since = undefined;
  }

  #paid(): void {
    this.#earn(SHARE);
    this.#passing = 0;
    this.#nextPassed = PASSED.first;
  }

  #earn(share: number): void {
    this.#creditMs = Math.min(this.#creditMs + share * this.#consumers.leaseMs(), CREDIT.mostMs);
  }

  #begins(): boolean {
    const waitMs = consumerWaitMs(this.#consumers.leaseMs());
    const mayWait = this.#passing === 0 && this.#creditMs > 0;
    if (waitMs === 0 || !mayWait || !this.#consumers.areNear()) return false;
    this.#since = this.#clock.now();
    this.#cancelTimer = this.#clock.startTimer(waitMs, () => {
      this.stop();
      // In vain: this statement and the next ones do not wait.
      this.#passing = this.#nextPassed;
      this.#nextPassed = Math.min(2 * this.#nextPassed, PASSED.most);
      this.#onChange();
    });
    return true;
  }
}
