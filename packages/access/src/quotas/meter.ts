import type { QuotaLimit, QuotaLimits, QuotaSubject } from '@querator/core';
import { type QuotaError, tooMany, tooManyAtOnce } from './quota-error.ts';
import { SecondCount } from './second-count.ts';
import { TokenBucket } from './token-bucket.ts';

/** Refusals a second that are answered at once. */
const PROMPT_REFUSALS = 100;
/** How long each further refusal is held back, in milliseconds. */
const HOLD_MS = 1_000;
/** A call that cannot be refused makes others wait for this many seconds at most. */
const MOST_DEBT_SECONDS = 1;

/** Measures what one namespace or key does in this process, and compares it with its share of the limits. */
export class Meter {
  readonly subject: QuotaSubject;
  /** The limits of all processes together. */
  #limits: QuotaLimits = {};
  #processes = 1;
  #version = -1;
  #hasLimits = false;
  #requests: TokenBucket | undefined;
  #items: TokenBucket | undefined;
  /** Calls on leased items that failed. Those that succeed are bounded by the items. */
  #faults: TokenBucket | undefined;
  readonly #prompt: TokenBucket;
  readonly #requestCount = new SecondCount();
  readonly #itemCount = new SecondCount();
  /** Lease requests of this process that are not answered yet. */
  consumers = 0;
  /** Connections of this process. */
  connections = 0;

  constructor(subject: QuotaSubject, nowMs: number) {
    this.subject = subject;
    this.#prompt = new TokenBucket(PROMPT_REFUSALS, nowMs);
  }

  get limits(): QuotaLimits {
    return this.#limits;
  }

  /** Whether there is any limit. */
  get hasLimits(): boolean {
    return this.#hasLimits;
  }

  /** Whether the limits were set with this version of the quotas, for this number of processes. */
  isCurrent(version: number, processes: number): boolean {
    return version === this.#version && processes === this.#processes;
  }

  /** Sets the limits, and the number of processes that share them. */
  setLimits(
    limits: QuotaLimits,
    {
      version,
      processes,
      nowMs,
    }: { readonly version: number; readonly processes: number; readonly nowMs: number },
  ): void {
    this.#limits = limits;
    this.#hasLimits = Object.values(limits).some((limit) => limit !== undefined);
    this.#version = version;
    this.#processes = processes;
    const { requestsPerSecond, itemsPerSecond } = limits;
    this.#requests = this.#rated(this.#requests, requestsPerSecond, nowMs);
    this.#faults = this.#rated(this.#faults, requestsPerSecond, nowMs);
    this.#items = this.#rated(this.#items, itemsPerSecond, nowMs);
  }

  /**
   * @param isRefusable whether the limit may refuse the request.
   * @throws QuotaError if a request is one too many. Counts nothing.
   */
  checkRequest(nowMs: number, isRefusable: boolean): void {
    const most = this.#limits.requestsPerSecond;
    if (most === undefined) return;
    const bucket = (isRefusable ? this.#requests : this.#faults) as TokenBucket;
    const waitMs = bucket.waitMs(1, nowMs);
    if (waitMs > 0)
      throw this.refused(tooMany('requestsPerSecond', { subject: this.subject, most }, waitMs), nowMs);
  }

  /** Counts a request that was checked. One that could not be refused makes later ones wait. */
  addRequest(nowMs: number, isRefusable: boolean): void {
    this.#requests?.take(1, nowMs, isRefusable ? undefined : MOST_DEBT_SECONDS);
    this.#requestCount.add(1, nowMs);
  }

  /** A call that the limit of requests could not refuse has failed by the fault of its caller. */
  faulty(nowMs: number): void {
    this.#faults?.take(1, nowMs);
  }

  /** @throws QuotaError if these items are too many for now. Counts nothing. */
  checkItems(items: number, nowMs: number): void {
    const most = this.#limits.itemsPerSecond;
    if (most === undefined) return;
    const limit = { subject: this.subject, most };
    if (items > most) throw this.refused(tooManyAtOnce(limit, items), nowMs);
    const waitMs = (this.#items as TokenBucket).waitMs(items, nowMs);
    if (waitMs > 0) throw this.refused(tooMany('itemsPerSecond', limit, waitMs), nowMs);
  }

  /** Counts items that were checked. */
  addItems(items: number, nowMs: number): void {
    this.#items?.take(items, nowMs);
    this.#itemCount.add(items, nowMs);
  }

  /** @throws QuotaError if one more consumer is too many. Counts nothing. */
  checkConsumer(nowMs: number): void {
    const most = this.#limits.waitingConsumers;
    if (most === undefined || this.consumers < this.#shareOf(most)) return;
    throw this.refused(tooMany('waitingConsumers', { subject: this.subject, most }), nowMs);
  }

  /**
   * Counts a connection, or lets one that is counted go on.
   *
   * @param isCounted whether it is counted.
   * @throws QuotaError if there are too many. Then it is not counted, or no longer.
   */
  connect(isCounted: boolean): void {
    const most = this.#limits.connections;
    const others = this.connections - (isCounted ? 1 : 0);
    if (most !== undefined && others >= this.#shareOf(most)) {
      this.connections = others;
      throw tooMany('connections', { subject: this.subject, most });
    }
    this.connections = others + 1;
  }

  /** A connection that is counted is closed, or belongs to somebody else. */
  disconnect(): void {
    this.connections--;
  }

  /** Counts a refusal, and sets how long its answer is held back. */
  refused<E extends QuotaError>(error: E, nowMs: number): E {
    if (this.#prompt.waitMs(1, nowMs) === 0) this.#prompt.take(1, nowMs);
    else error.holdMs = HOLD_MS;
    return error;
  }

  /** Requests and items of the last second, in this process. */
  rates(nowMs: number): { readonly requests: number; readonly items: number } {
    return { requests: this.#requestCount.last(nowMs), items: this.#itemCount.last(nowMs) };
  }

  /** What is used of this process's share of each limit that is its own to judge: 1 is all of it. */
  ratios(nowMs: number): readonly (readonly [limit: QuotaLimit, ratio: number])[] {
    const { requests, items } = this.rates(nowMs);
    const amounts = [
      ['requestsPerSecond', requests],
      ['itemsPerSecond', items],
      ['waitingConsumers', this.consumers],
      ['connections', this.connections],
    ] as const;
    return amounts.flatMap(([limit, amount]) => {
      const most = this.#limits[limit];
      return most === undefined ? [] : [[limit, (amount * this.#processes) / most] as const];
    });
  }

  /** Whether the meter can be forgotten: a new one would say the same. */
  isIdle(nowMs: number): boolean {
    const buckets = [this.#requests, this.#items, this.#faults, this.#prompt];
    return (
      this.consumers === 0 &&
      this.connections === 0 &&
      buckets.every((bucket) => bucket === undefined || bucket.isFull(nowMs))
    );
  }

  #rated(bucket: TokenBucket | undefined, limit: number | undefined, nowMs: number): TokenBucket | undefined {
    if (limit === undefined) return undefined;
    const perSecond = limit / this.#processes;
    bucket?.setRate(perSecond, nowMs);
    return bucket ?? new TokenBucket(perSecond, nowMs);
  }

  /** This process's share of things that cannot be divided. Every process may have one. */
  #shareOf(limit: number): number {
    return Math.max(Math.floor(limit / this.#processes), 1);
  }
}
