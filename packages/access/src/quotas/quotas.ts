import {
  type AccessReads,
  type Clock,
  type Logger,
  type Principal,
  QueueError,
  type QuotaLimit,
  type QuotaSubject,
} from '@querator/core';
import type { Meter } from './meter.ts';
import { Meters } from './meters.ts';
import { type QueueCounts, QueueCreations } from './queue-creations.ts';
import { overStock, QuotaError } from './quota-error.ts';
import { type ConfiguredQuotas, type QuotaInForce, QuotaTable } from './quota-table.ts';
import type { Stock, StockSize } from './stock.ts';
import { LEAST_AGE_MS, MOST_AGE_MS, StockSampler } from './stock-sampler.ts';
import { StoredQuotas } from './stored-quotas.ts';

export interface QuotasDeps {
  readonly clock: Clock;
  /** Milliseconds that only grow, from any start. */
  readonly monotonicMs: () => number;
  readonly logger: Logger;
  readonly configured: ConfiguredQuotas;
  /** How many processes share the limits; at least 1. A cheap call. */
  readonly liveProcesses: () => number;
  /** Throws QueueError `retry` if a process would not keep to quotas; also as the promise's rejection. */
  readonly everyoneKnowsQuotas: () => Promise<void> | undefined;
  /** Finds in storage what the queues of a namespace hold. */
  readonly measure: (namespace: string) => Promise<StockSize>;
  /** Counts in storage. */
  readonly countQueues: (namespace: string) => Promise<QueueCounts>;
}

/** A call that quotas judge. */
export interface QuotaCall {
  readonly principal: Principal;
  /** The namespace that the call concerns. Undefined: none. */
  readonly namespace: string | undefined;
  /** Whether the limit of requests may refuse it. */
  readonly isRefusable: boolean;
  /** The items that it is about to store. Undefined: none. */
  readonly brings?: StockSize | undefined;
  /** Whether it waits for items. */
  readonly waits: boolean;
}

/** Ends a call, with the error that it failed with, or else with its response. */
export type EndCall = (error: unknown, response?: unknown) => void;

/** What a subject uses of its limits. */
export interface QuotaUsage {
  readonly processes: number;
  /** In the last second, in this process. */
  readonly requests: number;
  /** In the last second, in this process. */
  readonly items: number;
  /** In this process. */
  readonly consumers: number;
  /** In this process. */
  readonly connections: number;
}

/** What a subject uses of one limit. */
export interface UsedLimit {
  readonly subject: QuotaSubject;
  readonly limit: QuotaLimit;
  /** Of this process's share: 1 is all of it. */
  readonly ratio: number;
}

/** What the queues of a namespace hold, as far as this process knows. */
export interface StockUsage extends StockSize {
  /** Undefined: there was no sample yet. */
  readonly sampleAgeMs: number | undefined;
}

/**
 * Judges calls by the quotas of namespaces and API keys. Judging reads memory only,
 * apart from a sample of what a namespace holds, which a call that stores items may
 * have to wait for.
 */
export class Quotas {
  readonly #deps: QuotasDeps;
  readonly #table: QuotaTable;
  readonly #meters: Meters;
  readonly #sampler: StockSampler;
  readonly #stored: StoredQuotas;
  readonly #creations: QueueCreations;
  /** How many calls were refused, by limit. */
  readonly refusals = new Map<QuotaLimit, number>();

  constructor(deps: QuotasDeps) {
    const { clock, monotonicMs, logger, measure } = deps;
    this.#deps = deps;
    this.#table = new QuotaTable(deps.configured);
    this.#sampler = new StockSampler({ clock, monotonicMs, logger, measure });
    this.#meters = new Meters({
      ...{ monotonicMs, table: this.#table, liveProcesses: deps.liveProcesses },
      forgotten: (isKept) => this.#sampler.keepOnly(isKept),
    });
    this.#creations = new QueueCreations((namespace) => this.countQueues(namespace), clock);
    this.#stored = new StoredQuotas({ clock, logger, found: (quotas) => this.#table.setStored(quotas) });
  }

  /** Whether anything has a quota. */
  get any(): boolean {
    return this.#table.any;
  }

  /** Reads the stored quotas of `store`, now and at each `reload`. Never rejects: it tries again until it succeeds. */
  load(store: Pick<AccessReads, 'quotas'>): Promise<void> {
    return this.#stored.load(store);
  }

  /** Reads the stored quotas again. Does nothing before `load`. Never rejects. */
  reload(): Promise<void> {
    return this.#stored.reload();
  }

  /** The limits in force for a subject. Undefined: it has no quota. */
  find(subject: QuotaSubject): QuotaInForce | undefined {
    return this.#table.find(subject);
  }

  /** The meter of a subject. Undefined: it has no limits. */
  meter(subject: QuotaSubject): Meter | undefined {
    return this.#meters.get(subject);
  }

  /**
   * Judges a request by what is known before its body is read, and counts it: the key
   * and its scope.
   *
   * @throws QuotaError
   */
  admit({ keyId, namespaceScope }: Principal, isRefusable: boolean): void {
    this.#request(this.#meters.of(keyId, namespaceScope || undefined), isRefusable);
  }

  /**
   * Judges a call that was admitted, right before it runs. Returns a promise only if
   * it has to wait for a sample.
   *
   * @returns ends the call; undefined if nothing has to be ended.
   * @throws QuotaError. The promise may reject with it too.
   */
  begin(call: QuotaCall): EndCall | undefined | Promise<EndCall | undefined> {
    const { principal, namespace, isRefusable, brings } = call;
    // The scope of a key was counted when its request was admitted.
    const isCounted = namespace === principal.namespaceScope;
    this.#request(isCounted ? [] : this.#meters.of(undefined, namespace), isRefusable);
    const meters = this.#meters.of(principal.keyId, namespace);
    if (meters.length === 0) return undefined;
    const sampling =
      brings === undefined || namespace === undefined ? undefined : this.#sampled(meters, namespace, brings);
    if (sampling !== undefined) return sampling.then(() => this.#begin(meters, call));
    return this.#begin(meters, call);
  }

  /**
   * Judges items that enter a namespace without a call, such as those that a task moves:
   * only by what the namespace may hold. Returns a promise only if it has to wait for a
   * sample.
   *
   * @returns ends that, with the error that it failed with; undefined if nothing has to be ended.
   * @throws QuotaError. The promise may reject with it too.
   */
  enter(namespace: string, brings: StockSize): EndCall | undefined | Promise<EndCall | undefined> {
    const meters = this.#meters.of(undefined, namespace).filter(limitsStock);
    if (meters.length === 0) return undefined;
    const enter = () => {
      const stock = this.#sampler.of(namespace);
      this.#counting(() => {
        const refusal = exceeded(meters, stock, { namespace, brings });
        if (refusal !== undefined) throw refusal.error;
      });
      this.#sampler.touch(namespace);
      const stored = stock.begin(brings);
      return (error: unknown) => stored(!isCertainlyNotStored(error));
    };
    return this.#sampled(meters, namespace, brings)?.then(enter) ?? enter();
  }

  /**
   * Stores a new queue, or further partitions of one, if the limits of its namespace and of the caller's key allow it.
   *
   * @param size `queues` is 0 if only partitions are new. Default: 1.
   * @throws QuotaError; whatever `store` throws.
   */
  async createQueue<T>(
    { keyId }: Principal,
    {
      namespace,
      queues = 1,
      partitions,
    }: { readonly namespace: string; readonly queues?: number; readonly partitions: number },
    store: () => Promise<T>,
  ): Promise<T> {
    const meters = this.#meters.of(keyId, namespace);
    try {
      return await this.#creations.run(namespace, { meters, queues, partitions, store });
    } catch (error) {
      if (error instanceof QuotaError) this.#countRefusal(error);
      throw error;
    }
  }

  /** @throws QueueError `retry` if a process would not keep to quotas; also as the promise's rejection. */
  checkEveryoneKnows(): Promise<void> | undefined {
    return this.#deps.everyoneKnowsQuotas();
  }

  /** Counts the queues of a namespace. @throws StorageError */
  countQueues(namespace: string): Promise<QueueCounts> {
    return this.#deps.countQueues(namespace);
  }

  /**
   * Judges a connection, and counts a refusal.
   *
   * @throws what `judge` throws.
   */
  judgeConnection(judge: () => void): void {
    this.#counting(judge);
  }

  /** What a subject uses of its limits. */
  usage(subject: QuotaSubject): QuotaUsage {
    const nowMs = this.#deps.monotonicMs();
    const meter = this.#meters.peek(subject);
    return {
      processes: this.#deps.liveProcesses(),
      ...(meter?.rates(nowMs) ?? { requests: 0, items: 0 }),
      consumers: meter?.consumers ?? 0,
      connections: meter?.connections ?? 0,
    };
  }

  /** What a namespace holds. Waits for a sample if the last one is too old, for a second at most. */
  async stock(namespace: string): Promise<StockUsage> {
    await this.#sampler.fresh(namespace, MOST_AGE_MS);
    const { items, bytes } = this.#sampler.of(namespace);
    return { items, bytes, sampleAgeMs: this.#sampler.ageMs(namespace) };
  }

  /** What is used of limits, for metrics, of the first `most` subjects that are in use. Measures nothing. */
  used(most: number): readonly UsedLimit[] {
    const nowMs = this.#deps.monotonicMs();
    return this.#meters
      .all()
      .slice(0, most)
      .flatMap((meter) => {
        const { subject, limits } = meter;
        const ratios = [...meter.ratios(nowMs)];
        if (subject.kind === 'namespace' && limitsStock(meter)) {
          const { itemsWaiting, bytesWaiting } = limits;
          const { items, bytes } = this.#sampler.of(subject.name);
          if (itemsWaiting !== undefined) ratios.push(['itemsWaiting', items / itemsWaiting]);
          if (bytesWaiting !== undefined) ratios.push(['bytesWaiting', bytes / bytesWaiting]);
        }
        return ratios.map(([limit, ratio]) => ({ subject, limit, ratio }));
      });
  }

  stop(): Promise<void> {
    this.#sampler.stop();
    return this.#stored.stop();
  }

  #request(meters: readonly Meter[], isRefusable: boolean): void {
    if (meters.length === 0) return;
    const nowMs = this.#deps.monotonicMs();
    this.#counting(() => {
      for (const meter of meters) meter.checkRequest(nowMs, isRefusable);
    });
    for (const meter of meters) meter.addRequest(nowMs, isRefusable);
  }

  /** Waits until what the namespace holds is known well enough. Undefined: it is. */
  #sampled(meters: readonly Meter[], namespace: string, brings: StockSize): Promise<void> | undefined {
    if (!meters.some(limitsStock)) return undefined;
    const stock = this.#sampler.of(namespace);
    const isExceeded = exceeded(meters, stock, { namespace, brings }) !== undefined;
    // A consumer may have made room since the last sample.
    return this.#sampler.fresh(namespace, isExceeded ? LEAST_AGE_MS : MOST_AGE_MS);
  }

  #begin(meters: readonly Meter[], call: QuotaCall): EndCall | undefined {
    const { namespace, brings, waits, isRefusable } = call;
    const nowMs = this.#deps.monotonicMs();
    const stock =
      brings === undefined || namespace === undefined || !meters.some(limitsStock)
        ? undefined
        : this.#sampler.of(namespace);
    this.#counting(() => {
      for (const meter of meters) {
        if (waits) meter.checkConsumer(nowMs);
        if (brings !== undefined) meter.checkItems(brings.items, nowMs);
      }
      if (stock === undefined || brings === undefined || namespace === undefined) return;
      const refusal = exceeded(meters, stock, { namespace, brings });
      if (refusal !== undefined) throw refusal.meter.refused(refusal.error, nowMs);
    });
    if (stock !== undefined && namespace !== undefined) this.#sampler.touch(namespace);
    for (const meter of meters) {
      if (waits) meter.consumers++;
      if (brings !== undefined) meter.addItems(brings.items, nowMs);
    }
    const stored = brings === undefined ? undefined : stock?.begin(brings);
    if (stored === undefined && !waits && isRefusable) return undefined;
    return (error, response) => {
      stored?.(!isCertainlyNotStored(error));
      for (const meter of meters) {
        if (waits) meter.consumers--;
        if (!isRefusable && (isFault(error) || didNothing(response))) meter.faulty(this.#deps.monotonicMs());
      }
    };
  }

  #counting(judge: () => void): void {
    try {
      judge();
    } catch (error) {
      if (error instanceof QuotaError) this.#countRefusal(error);
      throw error;
    }
  }

  #countRefusal({ limit }: QuotaError): void {
    this.refusals.set(limit, (this.refusals.get(limit) ?? 0) + 1);
  }
}

function limitsStock({ limits: { itemsWaiting, bytesWaiting } }: Meter): boolean {
  return itemsWaiting !== undefined || bytesWaiting !== undefined;
}

/** The first limit that a namespace would exceed. */
function exceeded(
  meters: readonly Meter[],
  stock: Stock,
  { namespace, brings }: { readonly namespace: string; readonly brings: StockSize },
): { readonly meter: Meter; readonly error: QuotaError } | undefined {
  for (const meter of meters) {
    const { subject, limits } = meter;
    for (const [limit, held, more] of [
      ['itemsWaiting', stock.items, brings.items],
      ['bytesWaiting', stock.bytes, brings.bytes],
    ] as const) {
      const most = limits[limit];
      if (most === undefined || held + more <= most) continue;
      return { meter, error: overStock(limit, { subject, most }, { namespace, held }) };
    }
  }
  return undefined;
}

/** Every other error leaves it open whether the items were stored, and the next sample tells. */
function isCertainlyNotStored(error: unknown): boolean {
  return error instanceof QueueError && error.reason !== 'outcome_unknown';
}

function isFault(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'invalid';
}

/** Whether a response tells of every item of the call that it was refused. */
function didNothing(response: unknown): boolean {
  const { items } = (response ?? {}) as { readonly items?: unknown };
  return Array.isArray(items) && items.length > 0 && items.every(({ code }) => code !== '');
}
