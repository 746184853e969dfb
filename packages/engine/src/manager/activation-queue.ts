import {
  type CancelTimer,
  MESSAGES,
  overloaded,
  QueueError,
  SharedRun,
  StorageError,
  serviceShutdown,
  unavailable,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { backOffMs } from '../partition/back-off.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { PendingRequest, type WaitOptions } from '../waiting/pending-request.ts';

/** How a request waits for the activation of its queue. */
export interface ActivationWait {
  readonly options: WaitOptions;
  /** The text of the answer when the request times out. */
  readonly timedOut: string;
  /** Bytes that the request holds, besides the queue's name. */
  readonly bytes: number;
  /** Whether the request outlasts storage failures. If not, the first failure ends its wait. */
  readonly persists: boolean;
}

/** Memory that waiting requests may hold, over all queues, in bytes. */
const MOST_BYTES = 64_000_000;
/** What a request holds besides its content, in bytes. */
const BYTES_PER_REQUEST = 1_000;

interface Entry {
  readonly pending: PendingRequest<LogicalQueue>;
  readonly bytes: number;
  readonly persists: boolean;
}

/** The requests that wait for one queue. */
class Activation {
  readonly entries = new Set<Entry>();
  /** The attempts to activate the queue. They never reject. */
  readonly attempts: SharedRun<void>;
  /** Why the last attempt failed. */
  failure: StorageError | undefined;

  constructor(attempt: (activation: Activation) => Promise<void>) {
    this.attempts = new SharedRun(() => attempt(this));
  }
}

/**
 * Requests for queues that are not active in this process, each for at most its
 * own time. One attempt serves all requests for a queue.
 *
 * While storage fails, the attempts continue with back-off. After each delay
 * one queue is tried, and the others only if that one succeeds. So ten thousand
 * queues cost a storage that is down one call per delay.
 */
export class ActivationQueue {
  readonly #deps: EngineDeps;
  readonly #activate: (name: string) => LogicalQueue | Promise<LogicalQueue>;
  readonly #activations = new Map<string, Activation>();
  #bytes = 0;
  /** Failed attempts in a row that led to a delay. */
  #failures = 0;
  #cancelRetry: CancelTimer | undefined;
  #stopped = false;

  /**
   * @param activate activates the queue of that name; a second call joins the
   *   first. Rejects with a StorageError while storage fails.
   */
  constructor(deps: EngineDeps, activate: (name: string) => LogicalQueue | Promise<LogicalQueue>) {
    this.#deps = deps;
    this.#activate = activate;
  }

  /**
   * The queue, once it is active.
   *
   * @throws QueueError `retry` when the time is up or too many requests wait,
   *   `failed` after `stop`. StorageError for a request that does not persist.
   *   CallerGone. Whatever else `activate` throws.
   */
  wait(name: string, { options, timedOut, bytes, persists }: ActivationWait): Promise<LogicalQueue> {
    if (this.#stopped) throw serviceShutdown();
    const heldBytes = bytes + name.length + BYTES_PER_REQUEST;
    if (this.#bytes > 0 && this.#bytes + heldBytes > MOST_BYTES) {
      throw overloaded();
    }
    const activation = this.#activations.get(name) ?? new Activation((own) => this.#attempt(name, own));
    const pending = new PendingRequest<LogicalQueue>(
      this.#deps.clock,
      options,
      () => timeUp(timedOut, activation.failure),
      () => this.#leave(name, activation, entry),
    );
    const entry: Entry = { pending, bytes: heldBytes, persists };
    pending.listen();
    if (pending.answered) return pending.answer;
    this.#activations.set(name, activation);
    activation.entries.add(entry);
    this.#bytes += heldBytes;
    void activation.attempts.join();
    return pending.answer;
  }

  /**
   * The queue is active, whatever activated it. Answers the requests that wait
   * for it now: after the delay they would come behind later requests.
   */
  activated(queue: LogicalQueue): void {
    const { name } = queue.queue;
    const activation = this.#activations.get(name);
    // A running attempt joins the activation that has just ended, and answers them.
    if (activation === undefined || !activation.attempts.isIdle) return;
    this.#answer(name, activation, (pending) => pending.resolve(queue));
  }

  /** Answers all requests `failed`, and refuses new ones. @param textFor the error's text, by the queue's name. */
  stop(textFor: (name: string) => string): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    for (const [name, activation] of this.#activations) {
      const error = unavailable('failed', textFor(name));
      this.#answer(name, activation, (pending) => pending.reject(error));
    }
  }

  async #attempt(name: string, activation: Activation): Promise<void> {
    try {
      const queue = await this.#activate(name);
      if (this.#failures > 0) this.#deps.logger.info('queues are activated again', { queue: name });
      this.#failures = 0;
      this.#answer(name, activation, (pending) => pending.resolve(queue));
    } catch (error) {
      if (error instanceof StorageError) this.#failed(name, activation, error);
      else this.#answer(name, activation, (pending) => pending.reject(error as Error));
    }
  }

  #failed(name: string, activation: Activation, error: StorageError): void {
    activation.failure = error;
    const transient = [...activation.entries].filter(({ persists }) => !persists);
    for (const entry of transient) if (entry.pending.reject(error)) this.#leave(name, activation, entry);
    this.#activations.delete(name);
    // At the end: the next attempt is for another queue.
    if (activation.entries.size > 0) this.#activations.set(name, activation);
    else if (transient.length === 0) {
      // All requests timed out before the cause was known.
      this.#deps.logger.warn('queue could not be activated in time', { queue: name, err: error });
    }
    if (this.#activations.size > 0) this.#retryLater(name, error);
  }

  #retryLater(name: string, error: StorageError): void {
    if (this.#cancelRetry !== undefined || this.#stopped) return;
    const { clock, logger } = this.#deps;
    this.#failures++;
    // Log each doubling of the failures, so that an outage of hours does not fill the log.
    if (Number.isInteger(Math.log2(this.#failures))) {
      const queues = this.#activations.size;
      const fields = { queue: name, queues, failures: this.#failures, err: error };
      logger.warn('queues cannot be activated; their requests wait', fields);
    }
    this.#cancelRetry = clock.startTimer(backOffMs(this.#failures), () => {
      this.#cancelRetry = undefined;
      void this.#retry();
    });
  }

  async #retry(): Promise<void> {
    const [first] = this.#activations.values();
    if (first === undefined) return;
    await first.attempts.join();
    // If that failed, the next attempt follows after a delay.
    if (this.#cancelRetry !== undefined) return;
    for (const { attempts } of this.#activations.values()) void attempts.join();
  }

  #answer(
    name: string,
    activation: Activation,
    answer: (pending: PendingRequest<LogicalQueue>) => boolean,
  ): void {
    this.#activations.delete(name);
    for (const entry of activation.entries) {
      answer(entry.pending);
      this.#leave(name, activation, entry);
    }
  }

  #leave(name: string, activation: Activation, entry: Entry): void {
    if (!activation.entries.delete(entry)) return;
    this.#bytes -= entry.bytes;
    if (activation.entries.size > 0 || !activation.attempts.isIdle) return;
    this.#activations.delete(name);
    if (this.#activations.size > 0) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}

/** A lease whose time is up has found no items, unless storage failed meanwhile. */
function timeUp(message: string, failure: unknown): QueueError {
  const foundNone = failure === undefined && message === MESSAGES.leaseTimedOut;
  return foundNone ? new QueueError('retry', message) : unavailable('retry', message, failure);
}
