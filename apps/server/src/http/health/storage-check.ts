import {
  type Clock,
  type Instant,
  type Logger,
  millisecondsBetween,
  SharedRun,
  type StorageNotice,
  within,
} from '@querator/core';

/** A storage that takes longer than this is down. Fixed by the HTTP API. */
const CHECK_TIMEOUT_MS = 5_000;

/** The result of a check. */
export interface CheckResult {
  readonly passed: boolean;
  /** The time that the storage took to answer. */
  readonly latencyMs: number;
  readonly notices: readonly StorageNotice[];
}

/** The dependencies of a check. */
export interface StorageCheckDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The storage's name, for the log. */
  readonly name: string;
  /** How long a result answers further requests, in milliseconds. */
  readonly freshForMs: number;
  /** Calls the storage. Rejects if it cannot serve. */
  readonly ask: () => Promise<readonly StorageNotice[]>;
}

/**
 * Checks one storage. Requests that come during a check or soon after share
 * its result, so their number puts no load on the storage. The log gets the
 * first failure with its cause; callers learn only that the check failed.
 */
export class StorageCheck {
  readonly #deps: StorageCheckDeps;
  readonly #checks = new SharedRun(() => this.#run());
  #last: { readonly result: CheckResult; readonly at: Instant } | undefined;
  #wasPassing = true;

  constructor(deps: StorageCheckDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async run(): Promise<CheckResult> {
    if (this.#last !== undefined && this.#isFresh(this.#last.at)) return this.#last.result;
    return this.#checks.join();
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

  async #inTime(): Promise<readonly StorageNotice[]> {
    const notices = await within(this.#deps.clock, CHECK_TIMEOUT_MS, this.#deps.ask());
    if (notices === undefined) throw new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
    return notices;
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
