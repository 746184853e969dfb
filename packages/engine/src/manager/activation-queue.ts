import { type CancelTimer, MESSAGES, QueueError, StorageError } from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { probeDelayMs } from '../partition/back-off.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { type Patience, Waiter } from '../waiting/pending-request.ts';

/** How a request waits for a queue that is not at work in this process yet. */
export interface TakeUpWait {
  readonly patience: Patience;
  /** The text of the answer when the patience ends. */
  readonly timedOut: string;
  /** Bytes that the request holds meanwhile, beside the queue's name. */
  readonly bytes: number;
  /** Whether the request outlasts failures of storage. If not, the first one ends its wait. */
  readonly persists: boolean;
}

/** Memory that waiting requests may hold, over all queues, in bytes. */
const MOST_BYTES = 64_000_000;
/** What a request holds besides its content. */
const BYTES_PER_REQUEST = 1_000;

interface Entry {
  readonly waiter: Waiter<LogicalQueue>;
  readonly bytes: number;
  readonly persists: boolean;
}

/** The requests for one queue. */
class Line {
  readonly entries = new Set<Entry>();
  /** The attempt under way to take the queue up. */
  attempt: Promise<void> | undefined;
  /** Why the last attempt failed. */
  failure: StorageError | undefined;
}

/**
 * Requests for queues that are not at work in this process yet, each for at
 * most its own time. One attempt serves all requests for a queue.
 *
 * While storage fails, the attempts go on with growing pauses. After a pause
 * one queue is tried, and the others only when that one succeeded: ten thousand
 * waiting queues cost a storage that is down one call per pause.
 */
export class TakeUpLine {
  readonly #deps: EngineDeps;
  readonly #take: (name: string) => LogicalQueue | Promise<LogicalQueue>;
  readonly #lines = new Map<string, Line>();
  #bytes = 0;
  /** Pauses in a row. */
  #failures = 0;
  #cancelRetry: CancelTimer | undefined;
  #stopped = false;

  /**
   * @param take takes up the queue of that name; a second call joins the first.
   *   Rejects with a StorageError while storage fails.
   */
  constructor(deps: EngineDeps, take: (name: string) => LogicalQueue | Promise<LogicalQueue>) {
    this.#deps = deps;
    this.#take = take;
  }

  /**
   * The queue, once it is at work.
   *
   * @throws QueueError `retry` when the time is up or too many requests wait,
   *   `failed` when the line is stopped. StorageError for a request that does
   *   not persist. CallerGone. Whatever else `take` throws.
   */
  wait(name: string, wait: TakeUpWait): Promise<LogicalQueue> {
    if (this.#stopped) throw new QueueError('failed', MESSAGES.serviceShutdown);
    const bytes = wait.bytes + name.length + BYTES_PER_REQUEST;
    if (this.#bytes > 0 && this.#bytes + bytes > MOST_BYTES) {
      throw new QueueError('retry', MESSAGES.overloaded);
    }
    const line = this.#lines.get(name) ?? new Line();
    const waiter = new Waiter<LogicalQueue>(
      this.#deps.clock,
      wait.patience,
      () => new QueueError('retry', wait.timedOut, { cause: line.failure }),
      () => this.#leave(name, line, entry),
    );
    const entry: Entry = { waiter, bytes, persists: wait.persists };
    waiter.listen();
    if (waiter.answered) return waiter.answer;
    this.#lines.set(name, line);
    line.entries.add(entry);
    this.#bytes += bytes;
    void this.#try(name, line);
    return waiter.answer;
  }

  /**
   * The queue is at work, for whoever took it up. Those who wait for it go on
   * now: after the pause they would come behind later ones, for whom it is there.
   */
  takenUp(queue: LogicalQueue): void {
    const { name } = queue.queue;
    const line = this.#lines.get(name);
    // An attempt under way joins what has just ended, and answers them.
    if (line === undefined || line.attempt !== undefined) return;
    this.#answer(name, line, (waiter) => waiter.resolve(queue));
  }

  /** Answers all requests `failed`, and lets no more in. @param textFor says so, for a queue's name. */
  stop(textFor: (name: string) => string): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    for (const [name, line] of this.#lines) {
      const error = new QueueError('failed', textFor(name));
      this.#answer(name, line, (waiter) => waiter.reject(error));
    }
  }

  /** Joins an attempt that is under way. Never rejects. */
  #try(name: string, line: Line): Promise<void> {
    line.attempt ??= this.#attempt(name, line).finally(() => {
      line.attempt = undefined;
    });
    return line.attempt;
  }

  async #attempt(name: string, line: Line): Promise<void> {
    try {
      const queue = await this.#take(name);
      if (this.#failures > 0) this.#deps.logger.info('queues are taken up again', { queue: name });
      this.#failures = 0;
      this.#answer(name, line, (waiter) => waiter.resolve(queue));
    } catch (error) {
      if (error instanceof StorageError) this.#failed(name, line, error);
      else this.#answer(name, line, (waiter) => waiter.reject(error as Error));
    }
  }

  #failed(name: string, line: Line, error: StorageError): void {
    line.failure = error;
    const impatient = [...line.entries].filter(({ persists }) => !persists);
    for (const entry of impatient) if (entry.waiter.reject(error)) this.#leave(name, line, entry);
    this.#lines.delete(name);
    // To the end: the next attempt is another queue's.
    if (line.entries.size > 0) this.#lines.set(name, line);
    else if (impatient.length === 0) {
      // Those who waited were answered before the cause was known.
      this.#deps.logger.warn('queue could not be taken up in time', { queue: name, err: error });
    }
    if (this.#lines.size > 0) this.#retryLater(name, error);
  }

  #retryLater(name: string, error: StorageError): void {
    if (this.#cancelRetry !== undefined || this.#stopped) return;
    const { clock, logger } = this.#deps;
    this.#failures++;
    // Each time the number has doubled: an outage of hours must not fill the log.
    if (Number.isInteger(Math.log2(this.#failures))) {
      const fields = { queue: name, queues: this.#lines.size, failures: this.#failures, err: error };
      logger.warn('queues cannot be taken up; their requests wait', fields);
    }
    this.#cancelRetry = clock.startTimer(probeDelayMs(this.#failures), () => {
      this.#cancelRetry = undefined;
      void this.#retry();
    });
  }

  async #retry(): Promise<void> {
    const [first] = this.#lines;
    if (first === undefined) return;
    await this.#try(...first);
    // Storage goes on failing: the next attempt is due after a pause.
    if (this.#cancelRetry !== undefined) return;
    for (const [name, line] of this.#lines) void this.#try(name, line);
  }

  #answer(name: string, line: Line, answer: (waiter: Waiter<LogicalQueue>) => boolean): void {
    this.#lines.delete(name);
    for (const entry of line.entries) {
      answer(entry.waiter);
      this.#leave(name, line, entry);
    }
  }

  #leave(name: string, line: Line, entry: Entry): void {
    if (!line.entries.delete(entry)) return;
    this.#bytes -= entry.bytes;
    if (line.entries.size > 0 || line.attempt !== undefined) return;
    this.#lines.delete(name);
    if (this.#lines.size > 0) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
