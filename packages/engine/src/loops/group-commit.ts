import { invariant, type Outcome, type QueueError } from '@querator/core';
import { isWorthAStatement } from './batching-policy.ts';

interface Entry<Request, Result> {
  readonly request: Request;
  readonly weight: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface Batch<Request, Result> {
  readonly entries: readonly Entry<Request, Result>[];
  readonly weight: number;
}

/** Requests that wait, and the items in them as they are weighed. */
export interface Buffered {
  readonly requests: number;
  readonly items: number;
}

const NOTHING: Buffered = { requests: 0, items: 0 };

/** What a group commit needs to know of the operation it groups. */
export interface GroupCommitOptions<Request, Result> {
  /** Sends a batch to storage; one outcome per request, in order. */
  readonly apply: (requests: readonly Request[]) => Promise<readonly Outcome<Result>[]>;
  /** What a storage failure means for a caller. Called once per failed batch. */
  readonly onFailure: (error: unknown) => QueueError;
  /** Items in a request, which count towards `maxWeight`. */
  readonly weigh: (request: Request) => number;
  /** A batch takes requests until it holds this many items. */
  readonly maxWeight: number;
  /** So many batches may be with storage at a time. */
  readonly maxInFlight: number;
}

/**
 * Collects requests while a batch is with storage, and then sends them
 * together: the busier the queue, the larger the batches, and an idle one adds
 * no delay beyond the current turn of the event loop.
 */
export class GroupCommit<Request, Result> {
  readonly #options: GroupCommitOptions<Request, Result>;
  #pending: Entry<Request, Result>[] = [];
  #scheduled = false;
  #pendingWeight = 0;
  /** Batches with storage, and the requests in them. */
  #batches = 0;
  #inFlight = 0;
  #weightInFlight = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: GroupCommitOptions<Request, Result>) {
    this.#options = options;
  }

  /** Requests not answered yet. */
  get size(): number {
    return this.#pending.length + this.#inFlight;
  }

  /** What waits because storage is busy; what it could take at once does not count. */
  get buffered(): Buffered {
    return this.#isFull ? { requests: this.#pending.length, items: this.#pendingWeight } : NOTHING;
  }

  /** Adds a request. The promise settles with its own outcome, once its batch is back from storage. */
  submit(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      const weight = this.#options.weigh(request);
      this.#pending.push({ request, weight, resolve, reject });
      this.#pendingWeight += weight;
      this.#schedule();
    });
  }

  /** Answers everything that was not sent yet with `error`, and waits for the rest. */
  async stop(error: QueueError): Promise<void> {
    for (const { reject } of this.#pending.splice(0)) reject(error);
    this.#pendingWeight = 0;
    if (this.#batches > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  get #isFull(): boolean {
    if (this.#batches >= this.#options.maxInFlight) return true;
    const underWay = { statements: this.#batches, items: this.#weightInFlight };
    return !isWorthAStatement(this.#pendingWeight, underWay);
  }

  #schedule(): void {
    if (this.#scheduled || this.#isFull) return;
    this.#scheduled = true;
    // Requests that arrive in the same turn of the event loop share the batch.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#pending.length > 0) void this.#run();
    });
  }

  async #run(): Promise<void> {
    do {
      this.#batches++;
      await this.#commit(this.#take());
      this.#batches--;
    } while (this.#pending.length > 0 && !this.#isFull);
    if (this.#batches === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #take(): Batch<Request, Result> {
    let weight = 0;
    let count = 0;
    for (const entry of this.#pending) {
      if (count > 0 && weight + entry.weight > this.#options.maxWeight) break;
      weight += entry.weight;
      count++;
    }
    this.#pendingWeight -= weight;
    return { entries: this.#pending.splice(0, count), weight };
  }

  async #commit({ entries, weight }: Batch<Request, Result>): Promise<void> {
    this.#inFlight += entries.length;
    this.#weightInFlight += weight;
    try {
      const outcomes = await this.#options.apply(entries.map(({ request }) => request));
      invariant(outcomes.length === entries.length, 'a driver answers every request of a batch');
      entries.forEach((entry, i) => {
        const outcome = outcomes[i] as Outcome<Result>;
        if (outcome.ok) entry.resolve(outcome.value);
        else entry.reject(outcome.error);
      });
    } catch (error) {
      const answer = this.#options.onFailure(error);
      for (const { reject } of entries) reject(answer);
    } finally {
      this.#inFlight -= entries.length;
      this.#weightInFlight -= weight;
    }
  }
}
