import { type CancelTimer, type Clock, type Logger, QueueError } from '@querator/core';
import type { QueueCall, Service } from '@querator/engine';
import type { QueueConfig } from '../config/schema.ts';

/** How long to wait before asking a storage again that could not be reached. */
const RETRY_MS = 5_000;

/** The queues of the configuration file cannot be created as they stand there. */
class ConfiguredQueueError extends Error {
  override readonly name = 'ConfiguredQueueError';
}

/**
 * Creates the queues of the configuration file that do not exist yet; existing
 * ones are left as they are. While their storage is down the server runs
 * without them, and tries again.
 */
export class ConfiguredQueues {
  readonly #deps: { readonly clock: Clock; readonly logger: Logger; readonly service: Service };
  #left: readonly QueueConfig[];
  #cancelRetry: CancelTimer | undefined;
  #stopped = false;

  constructor(
    deps: { readonly clock: Clock; readonly logger: Logger; readonly service: Service },
    queues: readonly QueueConfig[],
  ) {
    this.#deps = deps;
    // A dead-letter queue must be there before the queues that use it; these form no chains.
    this.#left = queues.toSorted((a, b) => Number(a['dead-queue'] !== '') - Number(b['dead-queue'] !== ''));
  }

  /** @throws ConfiguredQueueError when an entry breaks a rule; the message names it. */
  create(): Promise<void> {
    return this.#createAll((fault) => {
      throw fault;
    });
  }

  /** Ends the attempts. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
  }

  async #createAll(onFault: (fault: ConfiguredQueueError) => void): Promise<void> {
    while (this.#left.length > 0 && !this.#stopped) {
      const queue = this.#left[0] as QueueConfig;
      try {
        await this.#createOne(queue);
      } catch (error) {
        if (!(error instanceof QueueError) || error.code !== 'invalid') {
          this.#retryLater(error);
          return;
        }
        const message = `queue '${queue.name}' of the config file: ${error.message}`;
        onFault(new ConfiguredQueueError(message, { cause: error }));
      }
      this.#left = this.#left.slice(1);
    }
  }

  async #createOne(queue: QueueConfig): Promise<void> {
    const { queues } = this.#deps.service;
    if (await this.#exists(queue.name)) return;
    const placements = queue.partitions?.map((placement) => ({
      partition: placement.partition,
      storageName: placement['storage-name'],
    }));
    try {
      await queues.create(callOf(queue), placements);
    } catch (error) {
      // Another server on the same storage may have been quicker, with the same file.
      if (await this.#exists(queue.name)) return;
      throw error;
    }
    this.#deps.logger.info('created a queue of the config file', { queue: queue.name });
  }

  async #exists(name: string): Promise<boolean> {
    try {
      await this.#deps.service.queues.info(name);
      return true;
    } catch (error) {
      if (error instanceof QueueError && error.code === 'invalid') return false;
      throw error;
    }
  }

  #retryLater(error: unknown): void {
    if (this.#stopped) return;
    const { clock, logger } = this.#deps;
    logger.warn('queues of the config file cannot be created yet, trying again', { err: error });
    this.#cancelRetry = clock.startTimer(RETRY_MS, () => {
      // The server is at work by now: a wrong entry keeps neither it nor the other entries back.
      void this.#createAll((fault) => logger.error('a queue of the config file is left out', { err: fault }));
    });
  }
}

function callOf(queue: QueueConfig): QueueCall {
  return {
    queueName: queue.name,
    namespace: '',
    leaseTimeout: queue['lease-timeout'],
    expireTimeout: queue['expire-timeout'],
    deadQueue: queue['dead-queue'],
    maxAttempts: queue['max-attempts'],
    reference: queue.reference,
    requestedPartitions: queue['requested-partitions'],
  };
}
