import { type CancelTimer, type Clock, type Logger, QueueError } from '@querator/core';
import type { QueueCall, Service } from '@querator/engine';
import type { QueueConfig } from '../config/schema.ts';

/** The pause before another attempt after a storage failed. */
const RETRY_MS = 5_000;

/** A queue of the configuration file breaks a rule. */
class ConfiguredQueueError extends Error {
  override readonly name = 'ConfiguredQueueError';
}

/**
 * Creates the missing queues of the configuration file, and does not change
 * existing ones. If their storage is down, the server runs without them and
 * tries again.
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
    // A dead-letter queue has to exist before the queues that use it. A dead-letter queue has none itself.
    this.#left = queues.toSorted((a, b) => Number(a['dead-queue'] !== '') - Number(b['dead-queue'] !== ''));
  }

  /** @throws ConfiguredQueueError if an entry breaks a rule. The message names the queue. */
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
      await queues.create(callOf(queue), { partitions: placements });
    } catch (error) {
      // Another server on the same storage, with the same file, may have created it meanwhile.
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
      // The server runs by now, so a wrong entry must not stop it or the other entries.
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
