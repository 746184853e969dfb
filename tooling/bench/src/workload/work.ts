/** What clients do in one measurement. */
export type Operation = 'produce' | 'lease' | 'complete' | 'cycle' | 'mix' | 'bare';

/** One measurement's work. */
export interface Work {
  readonly operation: Operation;
  /** Items in a produce, and the most in a lease. */
  readonly batch: number;
  /** How many at a time. In a mix so many consume, and half as many produce. */
  readonly clients: number;
  readonly seconds: number;
  /** Requests are sent at this rate whether or not earlier ones are answered; absent: as fast as answers come. */
  readonly requestsPerSecond?: number | undefined;
  /** Ends a produce early, after so many items. */
  readonly items?: number | undefined;
  /** Items that wait, for a lease: no more are asked for, so that none has to wait. */
  readonly waiting?: number | undefined;
  /** Leased items to complete, by partition. */
  readonly leased?: readonly (readonly string[])[] | undefined;
}

/** What came of it. */
export interface Outcome {
  readonly items: number;
  readonly requests: number;
  readonly seconds: number;
  /** Processor time of the process that did it. */
  readonly cpuSeconds: number;
  /**
   * How long requests took, by share: half of them, 99 and 99.9 per cent. At a
   * fixed rate from when each was due, otherwise from when it was sent.
   */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Items that are held, and can be completed. */
export interface Held {
  readonly count: number;
}

/** Whatever stores items: a server over HTTP, the service in process, or the bare database. */
export interface Target<H extends Held> {
  /** Stores one batch. */
  produce(client: number): Promise<void>;
  /** Takes up to one batch; undefined: none came in time. */
  lease(client: number): Promise<H | undefined>;
  complete(client: number, held: H): Promise<void>;
  /** Gets ready for completing items that somebody else has leased. */
  hold(partition: number, ids: readonly string[]): H;
  /** The cheapest request there is. */
  bare(client: number): Promise<void>;
}
