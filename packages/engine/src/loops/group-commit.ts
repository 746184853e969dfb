import { invariant, type Outcome, type QueueError, RunningWork } from '@querator/core';
import { type EndStatement, type RequestTrace, tracesOf } from '../tracer.ts';
import { isWorthAStatement } from './batching-policy.ts';

interface Entry<Request, Result> {
  readonly request: Request;
  readonly items: number;
  readonly trace: RequestTrace | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface Batch<Request, Result> {
  readonly entries: readonly Entry<Request, Result>[];
  readonly items: number;
}

/** Requests that wait for a busy storage, and the items in them. */
export interface Buffered {
  readonly requests: number;
  readonly items: number;
}

const NOTHING: Buffered = { requests: 0, items: 0 };

/** A batch with traces. */
export interface TracedBatch extends Buffered {
  readonly traces: readonly RequestTrace[];
}

export interface GroupCommitOptions<Request, Result> {
  /** Sends a batch to storage. Returns one outcome per request, in order. */
  readonly apply: (requests: readonly Request[]) => Promise<readonly Outcome<Result>[]>;
  /** The error for the callers of a batch that storage failed. Called once per failed batch. */
  readonly onFailure: (error: unknown) => QueueError;
  /** The items that a request counts as, towards `maxItems`. */
  readonly count: (request: Request) => number;
  /** A batch takes requests until it holds this many items. */
  readonly maxItems: number;
  /** Batches in flight at a time. */
  readonly maxInFlight: number;
  /** A batch begins, and some of its requests have a trace. Undefined: none ever has. */
  readonly traced?: ((batch: TracedBatch) => EndStatement) | undefined;
}

/**
 * Collects requests while a batch is in flight, and then sends them together.
 * The busier the queue, the larger the batches. On an idle queue a request waits
 * for the current turn of the event loop only.
 */
export class GroupCommit<Request, Result> {
  readonly #options: GroupCommitOptions<Request, Result>;
  #pending: Entry<Request, Result>[] = [];
  #pendingItems = 0;
  #scheduled = false;
  readonly #batches = new RunningWork();
  #requestsInFlight = 0;
  #itemsInFlight = 0;

  constructor(options: GroupCommitOptions<Request, Result>) {
    this.#options = options;
  }

  /** Requests that are not answered yet. */
  get size(): number {
    return this.#pending.length + this.#requestsInFlight;
  }

  /** What waits because storage is busy. Does not count what storage could take at once. */
  get buffered(): Buffered {
    return this.#isFull ? { requests: this.#pending.length, items: this.#pendingItems } : NOTHING;
  }

  /** Adds a request. The promise settles with its own outcome when its batch returns from storage. */
  submit(request: Request, trace?: RequestTrace): Promise<Result> {
    return new Promise((resolve, reject) => {
      const items = this.#options.count(request);
      this.#pending.push({ request, items, trace, resolve, reject });
      this.#pendingItems += items;
      this.#schedule();
    });
  }

  /** Answers requests that were not sent with `error`, and waits for those in flight. */
  async stop(error: QueueError): Promise<void> {
    for (const { reject } of this.#pending.splice(0)) reject(error);
    this.#pendingItems = 0;
    await this.#batches.idle();
  }

  get #isFull(): boolean {
    const statements = this.#batches.count;
    if (statements >= this.#options.maxInFlight) return true;
    return !isWorthAStatement(this.#pendingItems, { statements, items: this.#itemsInFlight });
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
      this.#batches.begin();
      await this.#commit(this.#take());
      this.#batches.end();
    } while (this.#pending.length > 0 && !this.#isFull);
  }

  #take(): Batch<Request, Result> {
    let items = 0;
    let count = 0;
    for (const entry of this.#pending) {
      if (count > 0 && items + entry.items > this.#options.maxItems) break;
      items += entry.items;
      count++;
    }
    this.#pendingItems -= items;
    return { entries: this.#pending.splice(0, count), items };
  }

  async #commit({ entries, items }: Batch<Request, Result>): Promise<void> {
    this.#requestsInFlight += entries.length;
    this.#itemsInFlight += items;
    const { traced } = this.#options;
    const traces = traced && tracesOf(entries);
    const end = traces && traced?.({ traces, requests: entries.length, items });
    try {
      const outcomes = await this.#options.apply(entries.map(({ request }) => request));
      invariant(outcomes.length === entries.length, 'a driver answers every request of a batch');
      entries.forEach((entry, i) => {
        const outcome = outcomes[i] as Outcome<Result>;
        if (outcome.ok) entry.resolve(outcome.value);
        else entry.reject(outcome.error);
      });
      end?.(undefined);
    } catch (error) {
      end?.(error);
      const answer = this.#options.onFailure(error);
      for (const { reject } of entries) reject(answer);
    } finally {
      this.#requestsInFlight -= entries.length;
      this.#itemsInFlight -= items;
    }
  }
}
