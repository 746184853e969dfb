/** The operation of a measurement's clients. */
export type Operation = 'produce' | 'lease' | 'complete' | 'cycle' | 'mix' | 'bare';

/** The work of one measurement. */
export interface Work {
  readonly operation: Operation;
  /** Items in a produce, and the most in a lease. */
  readonly batch: number;
  /** Clients at a time. In a mix these consume, and half as many produce. */
  readonly clients: number;
  readonly seconds: number;
  /**
   * The rate of requests, whether or not earlier ones are answered. Undefined: as
   * fast as the answers come.
   */
  readonly requestsPerSecond?: number | undefined;
  /** Ends a produce after this many items. */
  readonly items?: number | undefined;
  /** Waiting items, for a lease. It requests no more, so that no request has to wait. */
  readonly waiting?: number | undefined;
  /** Leased items to complete, by partition. */
  readonly leased?: readonly (readonly string[])[] | undefined;
}

/** The result of some work. */
export interface Outcome {
  readonly items: number;
  readonly requests: number;
  readonly seconds: number;
  /** Processor time of the process that did the work. */
  readonly cpuSeconds: number;
  /**
   * Quantiles of the latency: 50, 99 and 99.9 per cent of the requests are not
   * slower. At a fixed rate from the time that a request was due, otherwise from its
   * start.
   */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Leased items that can be completed. */
export interface Held {
  readonly count: number;
}

/** A store of items: a server over HTTP, the service in process, or the bare database. */
export interface Target<H extends Held> {
  /** Stores one batch. */
  produce(client: number): Promise<void>;
  /** Leases up to one batch. Undefined: no item came in time. */
  lease(client: number): Promise<H | undefined>;
  complete(client: number, held: H): Promise<void>;
  /** Prepares the completion of items that another client has leased. */
  hold(partition: number, ids: readonly string[]): H;
  /** The cheapest request there is. */
  bare(client: number): Promise<void>;
}
