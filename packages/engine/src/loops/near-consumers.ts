import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** A consumer that was served this long ago, in milliseconds, is probably about to ask again. */
const NEAR_MS = 10;
/** The weight of the latest statement in the average. */
const WEIGHT = 0.2;

/** What a lease loop knows of consumers that ask again and again. */
export class NearConsumers {
  readonly #clock: Clock;
  #servedAt: Instant | undefined;
  #leaseMs: number | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a statement that leases items takes, in milliseconds. 0: not known. */
  get leaseMs(): number {
    return this.#leaseMs ?? 0;
  }

  /** Whether a consumer was served a moment ago. */
  get areNear(): boolean {
    return this.#servedAt !== undefined && millisecondsBetween(this.#servedAt, this.#clock.now()) < NEAR_MS;
  }

  /** Consumers were given items. */
  served(): void {
    this.#servedAt = this.#clock.now();
  }

  /** A statement that was sent at `start` has leased items. */
  leased(start: Instant): void {
    const tookMs = millisecondsBetween(start, this.#clock.now());
    this.#leaseMs = this.#leaseMs === undefined ? tookMs : this.#leaseMs + WEIGHT * (tookMs - this.#leaseMs);
  }

  /** Calls back once, at the next change, however often it was asked for. */
  whenChanged(callback: () => void): void {
    this.#waiting.add(callback);
  }

  /** A consumer has come, or a statement has ended. */
  changed(): void {
    if (this.#waiting.size === 0) return;
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  }
}
