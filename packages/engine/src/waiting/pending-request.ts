import type { CancelTimer, Clock } from '@querator/core';

/** How long a caller is willing to wait, and how it says that it no longer is. */
export interface Patience {
  /** Milliseconds until `onTimeout`. */
  readonly timeoutMs: number;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal | undefined;
  /**
   * How to find out whether a caller is gone that has no signal yet, because
   * most calls are over before one would have been of use.
   */
  readonly cheaply?: { readonly isGone: () => boolean; readonly signal: () => AbortSignal | undefined };
}

/**
 * A caller that waits for its answer. It is answered exactly once: by
 * `resolve`, by `reject`, or because its patience ends; whatever comes later is
 * told so and can take its effect back.
 */
export class Waiter<T> {
  readonly answer: Promise<T>;
  #answered = false;
  #resolve!: (value: T) => void;
  #reject!: (error: Error) => void;
  readonly #cancelTimer: CancelTimer;
  readonly #cheaply: Patience['cheaply'];
  #signal: AbortSignal | undefined;
  readonly #onGone: () => void;

  /**
   * @param onTimeout gives the error to answer with when time is up.
   * @param onGone is told when the caller is gone or its time is up, after it
   *   has been answered, so that it can be taken off every list.
   */
  constructor(clock: Clock, patience: Patience, onTimeout: () => Error, onGone: () => void) {
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#cancelTimer = clock.startTimer(patience.timeoutMs, () => {
      if (this.reject(onTimeout())) onGone();
    });
    this.#onGone = () => {
      if (this.reject(new CallerGone())) onGone();
    };
    this.#cheaply = patience.cheaply;
    this.#listenTo(patience.signal);
    // Gone before it came: it is on no list yet, so nobody needs to be told.
    if (this.#signal?.aborted) this.reject(new CallerGone());
  }

  /** It turns out that the caller waits for long: from now on it is told when the caller is gone. */
  listen(): void {
    if (this.#cheaply === undefined || this.#signal !== undefined || this.#answered) return;
    const signal = answerOf(this.#cheaply.signal);
    this.#listenTo(signal);
    if (signal?.aborted) this.#onGone();
  }

  /**
   * Whether the caller was answered, or turns out to be gone. `onGone` is not
   * called: whoever asks takes the caller off its lists. Skips the `isGone()`
   * poll once an abort listener is attached: thousands may wait, and each cycle
   * looks at all of them.
   */
  isOver(): boolean {
    const isAsked = !this.#answered && this.#signal === undefined;
    if (isAsked && this.#cheaply !== undefined && answerOf(this.#cheaply.isGone) === true)
      this.reject(new CallerGone());
    return this.#answered;
  }

  #listenTo(signal: AbortSignal | undefined): void {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onGone);
  }

  /** Whether the caller has been answered, or is known to be gone. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Answers the caller. @returns whether it was still waiting. */
  resolve(value: T): boolean {
    if (!this.#finish()) return false;
    this.#resolve(value);
    return true;
  }

  /** Answers the caller with an error. @returns whether it was still waiting. */
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

/** Both functions are the embedder's. One that throws knows nothing: its caller is taken to be there. */
function answerOf<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** The caller left before it was answered. Nobody reads this; it only settles the promise. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';

  constructor() {
    super('the caller is gone');
  }
}
