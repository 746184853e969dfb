import type { AccessStore, CancelTimer, Clock, Logger } from '@querator/core';
import type { GrantCache } from './grant-cache.ts';

/** How often the times of last use are stored. */
const STORE_MS = 10_000;

/** Stores when keys were last used, in batches. A failure is logged, and the times of that batch are lost. */
export class KeyUses {
  readonly #deps: {
    readonly store: Pick<AccessStore, 'noteUses'>;
    readonly cache: GrantCache;
    readonly clock: Clock;
    readonly logger: Logger;
  };
  #cancelTimer: CancelTimer | undefined;
  #storing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: {
    readonly store: Pick<AccessStore, 'noteUses'>;
    readonly cache: GrantCache;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancelTimer = this.#deps.clock.startTimer(STORE_MS, () => {
      this.#storing = this.#store().then(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  /** Stores the uses since the last batch. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#storing;
    await this.#store();
  }

  async #store(): Promise<void> {
    const { store, cache, clock, logger } = this.#deps;
    const at = clock.now();
    const uses = cache.takeUsed().map((keyId) => ({ keyId, at }));
    if (uses.length === 0) return;
    try {
      await store.noteUses(uses);
    } catch (error) {
      logger.debug('times of last use could not be stored', { keys: uses.length, err: error });
    }
  }
}
