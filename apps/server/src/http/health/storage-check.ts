import { type Clock, type Logger, millisecondsBetween, type StorageNotice } from '@querator/core';

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
  /** Asks the storage; rejects when it cannot serve. */
  readonly ask: () => Promise<readonly StorageNotice[]>;
}

/**
 * Finds out how one storage is, one look at a time: who asks meanwhile gets
 * the same answer, so that health checks never pile up on a slow database.
 * What goes wrong is logged, once when it begins; callers learn no more than
 * that it did.
 */
export class StorageCheck {
  readonly #deps: StorageCheckDeps;
  #running: Promise<CheckResult> | undefined;
  #wasPassing = true;

  constructor(deps: StorageCheckDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  run(): Promise<CheckResult> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
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
    return { passed: failure === undefined, latencyMs, notices };
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
