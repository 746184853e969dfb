import type { CancelTimer, Clock } from '@querator/core';
import type { RequestTrace } from '../tracer.ts';

/** How long a caller waits, and how it reports that it no longer does. */
export interface WaitOptions {
  /** Milliseconds until the request times out. */
  readonly timeoutMs: number;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal | undefined;
  /** For a caller that creates its signal only when it has to wait. Most calls end before that. */
  readonly lazySignal?: LazySignal;
  /** Undefined: the request is not traced. */
  readonly trace?: RequestTrace | undefined;
}

export interface LazySignal {
  /** Whether the caller is gone. Polled until `create` is called. */
  readonly isGone: () => boolean;
  readonly create: () => AbortSignal | undefined;
}

/**
 * A request that waits for its answer. Exactly one of `resolve`, `reject` and
 * the end of its wait answers it. Later answers return false, so that their
 * effect can be undone.
 */
export class PendingRequest<T> {
  readonly answer: Promise<T>;
  #answered = false;
  #resolve!: (value: T) => void;
  #reject!: (error: Error) => void;
  readonly #cancelTimer: CancelTimer;
  readonly #lazySignal: LazySignal | undefined;
  #signal: AbortSignal | undefined;
  readonly #onGone: () => void;
  /** Undefined: it is not traced. */
  readonly trace: RequestTrace | undefined;

  /**
   * @param onTimeout creates the error for a request that times out.
   * @param onGone called after the answer when the caller is gone or the request
   *   timed out. It removes the request from every list.
   */
  constructor(clock: Clock, options: WaitOptions, onTimeout: () => Error, onGone: () => void) {
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#cancelTimer = clock.startTimer(options.timeoutMs, () => {
      if (this.reject(onTimeout())) onGone();
    });
    this.#onGone = () => {
      if (this.reject(new CallerGone())) onGone();
    };
    this.trace = options.trace;
    this.#lazySignal = options.lazySignal;
    this.#listenTo(options.signal);
    // The request is on no list yet, so `onGone` has nothing to remove.
    if (this.#signal?.aborted) this.reject(new CallerGone());
  }

  /** Attaches an abort listener, because the request has to wait. */
  listen(): void {
    if (this.#lazySignal === undefined || this.#signal !== undefined || this.#answered) return;
    const signal = callOf(this.#lazySignal.create);
    this.#listenTo(signal);
    if (signal?.aborted) this.#onGone();
  }

  /**
   * Whether the request is answered or its caller is gone. Does not call
   * `onGone`: the code that asks removes the request. Skips the `isGone()` poll
   * once an abort listener is attached: each cycle checks thousands of requests.
   */
  isOver(): boolean {
    const isPolled = !this.#answered && this.#signal === undefined;
    if (isPolled && this.#lazySignal !== undefined && callOf(this.#lazySignal.isGone) === true)
      this.reject(new CallerGone());
    return this.#answered;
  }

  #listenTo(signal: AbortSignal | undefined): void {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onGone);
  }

  /** Whether the request is answered, or its caller known to be gone. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Answers the request. @returns whether it was still pending. */
  resolve(value: T): boolean {
    if (!this.#finish()) return false;
    this.#resolve(value);
    return true;
  }

  /** Answers the request with an error. @returns whether it was still pending. */
  reject(error: Error): boolean {
    if (!this.#finish()) return false;
    this.#reject(error);
    return true;
  }

  #finish(): boolean {
    if (this.#answered) return false;
    this.#answered = true;
    this.#cancelTimer();
    this.#signal?.removeEventListener('abort', this.#onGone);
    return true;
  }
}

/** Calls a function of the embedder. If it throws, the caller counts as present. */
function callOf<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** The caller left before its answer. This error only settles the promise. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';

  constructor() {
    super('the caller is gone');
  }
}
