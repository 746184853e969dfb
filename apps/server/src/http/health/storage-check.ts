import {
  type Clock,
  type Instant,
  type Logger,
  millisecondsBetween,
  type StorageNotice,
} from '@querator/core';

/** Longer than this and a storage counts as down (wire.md, section 10). */
const CHECK_TIMEOUT_MS = 5_000;

/** What a check found. */
export interface CheckResult {
  readonly passed: boolean;
  /** How long the answer took. */
  readonly latencyMs: number;
  readonly notices: readonly StorageNotice[];
}

/** What a check works with. */
export interface StorageCheckDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The storage's name, for the log. */
  readonly name: string;
  /** For so long an answer is given to everybody who asks. */
  readonly freshForMs: number;
  /** Asks the storage; rejects when it cannot serve. */
  readonly ask: () => Promise<readonly StorageNotice[]>;
}

/**
 * Finds out how one storage is, one look at a time: who asks meanwhile or soon
 * after gets the same answer, so that the storage does not notice how many ask.
 * What goes wrong is logged, once when it begins; callers learn no more than
 * that it did.
 */
export class StorageCheck {
  readonly #deps: StorageCheckDeps;
  #running: Promise<CheckResult> | undefined;
  #last: { readonly result: CheckResult; readonly at: Instant } | undefined;
  #wasPassing = true;

  constructor(deps: StorageCheckDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async run(): Promise<CheckResult> {
    if (this.#last !== undefined && this.#isFresh(this.#last.at)) return this.#last.result;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #isFresh(at: Instant): boolean {
    const { clock, freshForMs } = this.#deps;
    const ageMs = millisecondsBetween(at, clock.now());
    return ageMs >= 0 && ageMs < freshForMs;
  }

  async #run(): Promise<CheckResult> {
    const { clock } = this.#deps;
    const start = clock.now();
    let notices: readonly StorageNotice[] = [];
    let failure: { readonly reason: unknown } | undefined;
    try {
      notices = await this.#inTime();
    } catch (reason) {
      failure = { reason };
    }
    this.#report(failure);
    const latencyMs = millisecondsBetween(start, clock.now());
    const result = { passed: failure === undefined, latencyMs, notices };
    this.#last = { result, at: clock.now() };
    return result;
  }

  #inTime(): Promise<readonly StorageNotice[]> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`));
      const cancel = this.#deps.clock.startTimer(CHECK_TIMEOUT_MS, late);
      this.#deps.ask().then(resolve, reject).finally(cancel);
    });
  }

  #report(failure: { readonly reason: unknown } | undefined): void {
    const { logger, name } = this.#deps;
    const passes = failure === undefined;
    if (!passes && this.#wasPassing)
      logger.warn('storage fails its health check', { storage: name, err: failure.reason });
    if (passes && !this.#wasPassing) logger.info('storage passes its health check again', { storage: name });
    this.#wasPassing = passes;
  }
}
