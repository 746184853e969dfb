import {
  type Logger,
  milliseconds,
  type Queue,
  type QueueStore,
  type Random,
  storageTooSlow,
} from '@querator/core';

/**
 * How long a queue stays closed if the process that deletes it dies. A thousand
 * partitions are dropped in one to two minutes.
 */
const CLOSURE_TIMEOUT = milliseconds(300_000);

const TOKEN_LENGTH = 20;

/** Keeps a queue closed while one deletion of it looks at its partitions. */
export class QueueClosing {
  readonly #store: Pick<QueueStore, 'close'>;
  readonly #logger: Logger;
  readonly #queue: Queue;
  readonly #token: string;

  constructor(
    queue: Queue,
    deps: {
      readonly store: Pick<QueueStore, 'close'>;
      readonly logger: Logger;
      readonly random: Random;
    },
  ) {
    this.#queue = queue;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#token = deps.random.base62(TOKEN_LENGTH);
  }

  /** From here on no process creates a partition of the queue. */
  async begin(): Promise<void> {
    await this.#close(CLOSURE_TIMEOUT);
  }

  /**
   * Checks, in the step that removes the queue, that it has been closed since `begin`.
   *
   * @param closure the token of the closure in force.
   * @throws QueueError `retry`.
   */
  check(closure: string | undefined): void {
    if (this.#store.close === undefined || closure === this.#token) return;
    throw storageTooSlow('the queue did not stay closed while its partitions were removed');
  }

  /** Lets partitions be created again. Never rejects: the closure ends by itself. */
  async end(): Promise<void> {
    await this.#close(undefined).catch((error: unknown) => {
      this.#logger.warn('a queue that was not deleted creates no partitions for some minutes', {
        queue: this.#queue.name,
        err: error,
      });
    });
  }

  async #close(timeout: typeof CLOSURE_TIMEOUT | undefined): Promise<void> {
    const { name, createdAt } = this.#queue;
    await this.#store.close?.(name, createdAt, { token: this.#token, timeout });
  }
}
