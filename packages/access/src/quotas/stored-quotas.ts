import {
  type AccessReads,
  type CancelTimer,
  type Clock,
  LIMITS,
  type Logger,
  type Quota,
  type QuotaKind,
  SharedRun,
} from '@querator/core';

/** The pause after a read that failed, in milliseconds. */
const RETRY_MS = 1_000;

export interface StoredQuotasDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes all quotas that are stored. */
  readonly found: (quotas: readonly Quota[]) => void;
}

/** Reads all quotas of a store whenever they may have changed, so that judging a call reads memory only. */
export class StoredQuotas {
  readonly #deps: StoredQuotasDeps;
  #store: Pick<AccessReads, 'quotas'> | undefined;
  readonly #reads = new SharedRun(() => this.#read());
  #failing = false;
  #cancelRetry: CancelTimer | undefined;
  #stopped = false;

  constructor(deps: StoredQuotasDeps) {
    this.#deps = deps;
  }

  /** Reads the quotas of a store, now and at each `reload`. Never rejects. */
  load(store: Pick<AccessReads, 'quotas'>): Promise<void> {
    this.#store = store;
    return this.reload();
  }

  /** Reads the quotas again. Never rejects: a read that failed is tried again later. */
  async reload(): Promise<void> {
    if (this.#store !== undefined && !this.#stopped) await this.#reads.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#reads.idle();
  }

  async #read(): Promise<void> {
    const store = this.#store;
    if (store === undefined || this.#stopped) return;
    this.#cancelRetry?.();
    const { clock, logger, found } = this.#deps;
    try {
      found([...(await allOf(store, 'namespace')), ...(await allOf(store, 'key'))]);
      if (this.#failing) logger.info('quotas can be read again');
      this.#failing = false;
    } catch (error) {
      if (this.#stopped) return;
      if (!this.#failing) logger.warn('quotas cannot be read; the last known ones hold', { err: error });
      this.#failing = true;
      this.#cancelRetry = clock.startTimer(RETRY_MS, () => void this.reload());
    }
  }
}

/** Changes between two pages lead to another read. */
async function allOf(store: Pick<AccessReads, 'quotas'>, kind: QuotaKind): Promise<readonly Quota[]> {
  const quotas: Quota[] = [];
  const limit = LIMITS.listPageDefault;
  for (let pivot = ''; ; ) {
    const page = await store.quotas({ kind, pivot, limit });
    // Pages repeat the pivot.
    quotas.push(...page.filter(({ subject }) => pivot === '' || subject.name !== pivot));
    const last = page.at(-1)?.subject.name;
    if (page.length < limit || last === undefined) return quotas;
    pivot = last;
  }
}
