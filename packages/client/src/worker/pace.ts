import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** The weight of the latest measurement. */
const WEIGHT = 0.2;
/** Items are leased ahead for this many calls. A lease takes about twice as long as the calls that are measured. */
const CALLS_AHEAD = 8;
/**
 * The most items ahead, for each handler. Handlers still count as running when the next
 * lease is sent, so with one item ahead each, a worker would never lease more than started
 * since its last lease: behind a producer as fast as itself, it would not catch up.
 */
const MOST_AHEAD_EACH = 2;
/** The most items ahead of few handlers. More could keep other consumers waiting when handlers become slow. */
const MOST_AHEAD_OF_FEW = 16;
/** A first lease that took longer than this, in milliseconds, may have waited for items. */
const LONGEST_LEASE_MS = 100;
/** Handlers that take less than this count as this, in milliseconds. */
const SHORTEST_MS = 0.01;

/**
 * Measures how long handlers and calls take, and says how many items to lease
 * ahead: as many as start during a few calls. Otherwise short handlers would wait
 * for the next lease. For long ones the answer is 0, so that other consumers get
 * the items.
 */
export class Pace {
  readonly #clock: Clock;
  #handlerMs: number | undefined;
  #callMs: number | undefined;
  /** How long a lease took, until another call is known. */
  #leaseMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the time of a handler that began at `start` and has just ended. */
  handled(start: Instant): void {
    this.#handlerMs = this.#average(this.#handlerMs, start);
  }

  /** Takes the time of a call that was sent at `start` and did not have to wait for items. */
  called(start: Instant): void {
    this.#callMs = this.#average(this.#callMs, start);
  }

  /** Takes the time of a lease that was sent at `start` and got all items that it asked for. It counts until a call is known. */
  leased(start: Instant): void {
    if (this.#callMs !== undefined) return;
    const tookMs = millisecondsBetween(start, this.#clock.now());
    if (tookMs <= LONGEST_LEASE_MS) this.#leaseMs = tookMs;
  }

  /** How many items to lease in advance. @param concurrency the most handlers that run at a time. */
  ahead(concurrency: number): number {
    const callMs = this.#callMs ?? this.#leaseMs;
    if (this.#handlerMs === undefined || callMs === undefined) return 0;
    const started = (CALLS_AHEAD * concurrency * callMs) / Math.max(this.#handlerMs, SHORTEST_MS);
    // Handlers that were started together end together: one item for each, or places stay empty until a lease returns.
    const mayEndTogether = concurrency > 1 && started >= concurrency / 2;
    const ahead = Math.floor(mayEndTogether ? Math.max(started, concurrency) : started);
    return Math.min(ahead, Math.max(MOST_AHEAD_EACH * concurrency, MOST_AHEAD_OF_FEW));
  }

  #average(before: number | undefined, start: Instant): number {
    const tookMs = Math.max(millisecondsBetween(start, this.#clock.now()), 0);
    return before === undefined ? tookMs : before + WEIGHT * (tookMs - before);
  }
}
